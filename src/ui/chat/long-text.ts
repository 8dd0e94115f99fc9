// Texts of questions that are too long to be laid out whole: a megabyte takes a browser many seconds. No elements.

/** Longer texts, in UTF-16 units, are shown in part. */
export const longText = 20_000;
/** Of a long text, what is shown at first. */
export const firstPart = 1000;

/** How long a text is, for people. */
export const sizeOf = (text: string): string => `Text of ${text.length.toLocaleString('en')} characters`;

/** Its first words, in a line. */
export const opening = (text: string): string => text.slice(0, 200).trim().replace(/\s+/g, ' ');

/** The first `length` units of a text, without half a character at the end. */
export const beginning = (text: string, length: number): string => text.slice(0, length).replace(/[\ud800-\udbff]$/, '');
