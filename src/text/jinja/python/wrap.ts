// Python's textwrap.wrap, with tabs and white space left as they are.
import { type Runtime } from './runtime.ts';
import { pointLength, points } from './unicode.ts';
import { fail } from './values.ts';

const space = '[\\t\\n\\v\\f\\r ]';
const letter = '[\\p{L}\\p{M}_]';
const punctuation = '[\\p{L}\\p{N}_!"\'&.,?]';
const dashes = '-{2,}[\\p{L}\\p{N}_]';
const other = '[^\\t\\n\\v\\f\\r ]';
/** Behind a hyphen between letters. */
const hyphen = `-(?:(?<=${letter}{2}-)|(?<=${letter}-${letter}-))(?=${letter}-?${letter})`;
const end = `(?:${hyphen}|(?=${space}|$)|(?<=${punctuation})(?=${dashes}))`;
/** Words, white space, dashes; words are cut behind hyphens between letters. */
const withHyphens = new RegExp(`(${space}+|(?<=${punctuation})-{2,}(?=[\\p{L}\\p{N}_])|${other}(?:${other})*?${end})`, 'u');
const withoutHyphens = new RegExp(`(${space}+)`);

/** Lines of at most `width` code points, as far as words allow. */
export function wrapText(rt: Runtime, text: string, width: number, breakLong: boolean, breakOnHyphens: boolean): string[] {
  if (width <= 0) return fail(`invalid width ${width} (must be > 0)`);
  rt.search(text.length * 2, text.length);
  const chunks = text.split(breakOnHyphens ? withHyphens : withoutHyphens).filter(Boolean).reverse();
  const lines: string[] = [];
  const blank = (chunk: string | undefined): boolean => chunk !== undefined && chunk.trim() === '';
  while (chunks.length) {
    rt.step();
    const line: string[] = [];
    let length = 0;
    if (lines.length && blank(chunks.at(-1))) chunks.pop();
    while (chunks.length && length + pointLength(chunks.at(-1)!) <= width) {
      length += pointLength(chunks.at(-1)!);
      line.push(chunks.pop()!);
    }
    if (chunks.length && pointLength(chunks.at(-1)!) > width) breakWord(chunks, line, length, width, breakLong, breakOnHyphens);
    if (blank(line.at(-1))) line.pop();
    if (line.length) lines.push(line.join(''));
  }
  return lines;
}

/** A chunk longer than a line: cut, or alone on a line. */
function breakWord(chunks: string[], line: string[], length: number, width: number, breakLong: boolean, breakOnHyphens: boolean): void {
  if (!breakLong) {
    if (!line.length) line.push(chunks.pop()!);
    return;
  }
  // Without room nothing of the chunk is taken, and Python then keeps the white space before it.
  const room = width - length;
  const chunk = points(chunks.pop()!);
  let end = room;
  if (breakOnHyphens && chunk.length > room) {
    const hyphen = (typeof chunk === 'string' ? chunk : [...chunk]).slice(0, room).lastIndexOf('-');
    if (hyphen > 0 && [...chunk.slice(0, hyphen)].some((each) => each !== '-')) end = hyphen + 1;
  }
  line.push([...chunk.slice(0, end)].join(''));
  const rest = [...chunk.slice(end)].join('');
  if (rest) chunks.push(rest);
}
