// Tells what a chat template spells itself from what it only passes on. Control tokens that the template spells are
// marked in its own literals, one mark for one character; so whatever it does with the content of a message (trim,
// split, slice, repeat, join), no content ever gains a mark, and only marked spellings become control tokens. This is
// sounder than marking contents: templates look into contents, but hardly into what they write themselves.
//
// A mark is half a surrogate pair, U+DC00 onwards, alone: no well-formed text has one, so no content can forge it.
import { type ControlFilter } from './tokenizer/special-tokens.ts';

export interface Marks {
  /** A literal of the template with every control token in it marked, and what may become one when joined to other text. */
  markLiteral(text: string): string;
  /** Marks every character that can be marked. */
  markAll(text: string): string;
  unmark(text: string): string;
  /** The first characters of control tokens marked, wherever they are in the text. */
  markStarts(text: string): string;
  /** The text without marks, and for each of its UTF-16 units whether it was marked. */
  read(text: string): { text: string; marked: Uint8Array };
}

const firstMark = 0xdc00;
const mostMarks = 0x400;

/** `spellings`: of the control tokens. */
export function createMarks(spellings: readonly string[]): Marks {
  const characters = [...new Set(spellings.join(''))].filter((character) => character.length === 1).slice(0, mostMarks);
  const markOf = new Map(characters.map((character, i) => [character, String.fromCharCode(firstMark + i)]));
  const starts = new Set(spellings.map((spelling) => spelling[0]));
  const prefixes = new Set(spellings.flatMap((spelling) => pieces(spelling, (i) => spelling.slice(0, i))));
  const suffixes = new Set(spellings.flatMap((spelling) => pieces(spelling, (i) => spelling.slice(i))));
  const longest = Math.max(0, ...spellings.map((spelling) => spelling.length));
  const byLength = [...spellings].sort((a, b) => b.length - a.length);
  const cache = new Map<string, string>();

  const markAll = (text: string): string => text.replace(/./gsu, (character) => markOf.get(character) ?? character);
  const unmark = (text: string): string => text.replace(/[\udc00-\udfff]/gu, (mark) => characters[mark.charCodeAt(0) - firstMark] ?? mark);
  const markSpan = (text: string, start: number, end: number): string => text.slice(0, start) + markAll(text.slice(start, end)) + text.slice(end);

  return {
    markAll,
    unmark,
    markLiteral(text) {
      let marked = cache.get(text);
      if (marked !== undefined) return marked;
      marked = text;
      // A part from the middle, like 'im_start' of '<|' ~ 'im_start' ~ '|>'.
      if (text.length < longest && spellings.some((spelling) => spelling.includes(text))) marked = markAll(text);
      for (const spelling of byLength) if (text.includes(spelling)) marked = everywhere(text, spelling, marked, markSpan);
      for (let length = Math.min(longest - 1, text.length); length > 0; length--) {
        if (!prefixes.has(text.slice(-length))) continue;
        marked = markSpan(marked, text.length - length, text.length);
        break;
      }
      for (let length = Math.min(longest - 1, text.length); length > 0; length--) {
        if (!suffixes.has(text.slice(0, length))) continue;
        marked = markSpan(marked, 0, length);
        break;
      }
      cache.set(text, marked);
      return marked;
    },
    markStarts: (text) => text.replace(/./gsu, (character) => (starts.has(character) ? (markOf.get(character) ?? character) : character)),
    read(text) {
      const plain = unmark(text);
      const marked = new Uint8Array(plain.length);
      for (const { index } of text.matchAll(/[\udc00-\udfff]/gu)) marked[index] = 1;
      return { text: plain, marked };
    },
  };
}

/** The proper beginnings or ends of a spelling. */
const pieces = (spelling: string, piece: (i: number) => string): string[] => Array.from({ length: Math.max(0, spelling.length - 1) }, (_, i) => piece(i + 1));

function everywhere(text: string, spelling: string, marked: string, mark: (text: string, start: number, end: number) => string): string {
  for (let at = text.indexOf(spelling); at >= 0; at = text.indexOf(spelling, at + 1)) marked = mark(marked, at, at + spelling.length);
  return marked;
}

/**
 * Accepts spellings that begin and end with a mark. What is unmarked between has to be a role: templates join
 * '<|' + message.role + '|>'.
 */
export function acceptMarked(text: string, marked: Uint8Array, roles: ReadonlySet<string>): Exclude<ControlFilter, boolean> {
  return (start, end) => {
    if (!marked[start] || !marked[end - 1]) return false;
    let between = '';
    for (let i = start; i < end; i++) if (!marked[i]) between += text[i];
    return between === '' || roles.has(between);
  };
}

/** Accepts spellings without any mark. */
export function acceptUnmarked(marked: Uint8Array): Exclude<ControlFilter, boolean> {
  return (start, end) => !marked.subarray(start, end).includes(1);
}
