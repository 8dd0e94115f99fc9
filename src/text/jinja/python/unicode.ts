// Python's view of text: code points, white space, and the classes of characters that its string methods ask for.

/** Python's white space, for a class of a regular expression: not JavaScript's. */
export const pythonSpace = '\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const beyond = /[\ud800-\udbff][\udc00-\udfff]/;
const always = (pattern: string): ((text: string) => boolean) => {
  const whole = new RegExp(`^(?:${pattern})+$`, 'u');
  return (text) => whole.test(text);
};

/** What can be indexed by code points: the text itself where each is one unit. */
export const points = (text: string): string | string[] => (beyond.test(text) ? [...text] : text);

/** Length in code points. A half of a pair counts as one. */
export const pointLength = (text: string): number => (beyond.test(text) ? [...text].length : text.length);

/** The index in units of the code point with this index. */
export function unitIndex(text: string, index: number): number {
  if (!beyond.test(text)) return index;
  let unit = 0;
  for (let i = 0; i < index && unit < text.length; i++) unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
  return unit;
}

/** The order of Python: by code points, not by UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === length) return a.length - b.length;
  const [left, right] = [a, b].map((text) => {
    const unit = text.charCodeAt(i);
    return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit; // pairs come after all others
  });
  return left - right;
}

const numerals =
  '\\u3007\\u4e00\\u4e8c\\u4e09\\u56db\\u4e94\\u516d\\u4e03\\u516b\\u4e5d\\u5341\\u767e\\u5343\\u842c\\u4e07\\u5104\\u4ebf\\u5146\\u96f6\\u58f9' +
  '\\u8cb3\\u53c1\\u4f0d\\u9678\\u67d2\\u634c\\u7396\\u62fe\\u4f70\\u4edf\\u4e24\\u5169\\u5eff\\u5345\\u534c\\u6d1e\\u58f1\\u8086\\u53c2\\u5f0c' +
  '\\u5f0d\\u5f0e\\u5f10\\u4edf\\u62d0\\u9621\\u964c\\u9646\\u9b7a\\u8d30\\u8cae\\u53c3\\u4ec0\\u523b\\u5e7a\\u5e7e\\u7695\\u767e\\u4f70';
const digits =
  '\\p{Nd}\\xb2\\xb3\\xb9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468\\u2474-\\u247c\\u2488-\\u2490\\u24ea\\u24f5' +
  '-\\u24fd\\u24ff\\u2776-\\u277e\\u2780-\\u2788\\u278a-\\u2792\\u{10a40}-\\u{10a43}\\u{10e60}-\\u{10e68}\\u{11052}-\\u{1105a}\\u{1f100}-' +
  '\\u{1f10a}';

export const isAlphabetic = always('\\p{L}');
export const isDecimal = always('\\p{Nd}');
export const isDigit = always(`[${digits}]`);
export const isNumeric = always(`[\\p{N}${numerals}]`);
export const isAlphanumeric = always(`[\\p{L}\\p{N}${numerals}]`);
export const isSpace = always(`[${pythonSpace}]`);
export const isIdentifier = (text: string): boolean => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(text);
export const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
export const isPrintable = (text: string): boolean => !/(?! )[\p{C}\p{Z}]/u.test(text);

const upper = /\p{Uppercase}/u;
const lower = /\p{Lowercase}/u;
const title = /\p{Lt}/u;

/** Some letter has case, and all that have are of this one. */
export const isUpper = (text: string): boolean => upper.test(text) && !lower.test(text) && !title.test(text);
export const isLower = (text: string): boolean => lower.test(text) && !upper.test(text) && !title.test(text);

/** Letters begin with a capital, and have none after. */
export function isTitle(text: string): boolean {
  let cased = false;
  let any = false;
  for (const character of text) {
    if (upper.test(character) || title.test(character)) {
      if (cased) return false;
      any = cased = true;
    } else if (lower.test(character)) {
      if (!cased) return false;
      any = true;
    } else cased = false;
  }
  return any;
}

/** Title case of a letter: that of digraphs is one of their own, and of ligatures the first letter's. */
function titleOf(character: string): string {
  const capital = character.toUpperCase();
  if (/^[\u01c4-\u01cc\u01f1-\u01f3]$/.test(character))
    return String.fromCharCode([0x1c5, 0x1c5, 0x1c5, 0x1c8, 0x1c8, 0x1c8, 0x1cb, 0x1cb, 0x1cb][character.charCodeAt(0) - 0x1c4] ?? 0x1f2);
  const [first, ...rest] = capital;
  return rest.length && /\p{L}/u.test(rest[0]) ? first + rest.join('').toLowerCase() : capital;
}

/** Python's str.capitalize. */
export function capitalize(text: string): string {
  const first = String.fromCodePoint(...(text ? [text.codePointAt(0)!] : []));
  return titleOf(first) + text.slice(first.length).toLowerCase();
}

/** Python's str.title: a letter is a capital unless a letter with case is before it. */
export function titleCase(text: string): string {
  return text.replace(/(?:[\p{Uppercase}\p{Lowercase}\p{Lt}])+/gu, capitalize);
}

/** A capital sigma at the end of a word: its small letter is another one there. */
const lastSigma = /(?<=[\p{Uppercase}\p{Lowercase}\p{Lt}]\p{Case_Ignorable}*)Σ(?!\p{Case_Ignorable}*[\p{Uppercase}\p{Lowercase}\p{Lt}])/gu;

/** Python's str.swapcase. */
export const swapCase = (text: string): string =>
  text
    .replace(lastSigma, '\u0001')
    .replace(/./gsu, (character) =>
      character === '\u0001' ? 'ς' : upper.test(character) ? character.toLowerCase() : lower.test(character) ? character.toUpperCase() : character,
    );

/** Python's str.casefold: what lower and upper case have in common. */
export const foldCase = (text: string): string =>
  text.replace(/./gsu, (character) => (character === 'ı' ? character : character.toUpperCase().toLowerCase().replace('ς', 'σ')));

const lineEnd = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** Python's str.splitlines: each line, with its end if `keepEnds`. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: end, index } of text.matchAll(lineEnd)) {
    lines.push(text.slice(start, keepEnds ? index + end.length : index));
    start = index + end.length;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}
