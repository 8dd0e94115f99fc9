// Which key strokes are meant for the page.

/** Whether the key writes a word of an input method. Safari ends the word before its Enter, and tells of it by the code 229 alone. */
export const ofInputMethod = ({ isComposing, keyCode }: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean => isComposing || keyCode === 229;
