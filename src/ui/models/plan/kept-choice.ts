// A choice of the visitor for the next load, as text that the browser keeps. No elements.

/** Undefined where none is kept, or nothing can be (a private window, say). */
export function keptChoice(key: string, storage?: Pick<Storage, 'getItem'>): string | undefined {
  try {
    return (storage ?? localStorage).getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** `value`: none for windrow's own choice. Where nothing can be kept, it holds for no load, which is shown when the choice is opened again. */
export function keepChoice(key: string, value: string | undefined, storage?: Pick<Storage, 'setItem' | 'removeItem'>): void {
  try {
    if (!value) (storage ?? localStorage).removeItem(key);
    else (storage ?? localStorage).setItem(key, value);
  } catch {
    // as said above
  }
}
