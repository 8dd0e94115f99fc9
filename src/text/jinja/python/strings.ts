// The methods of a str. They search in texts without marks and cut the marked ones: a mark changes no index.
import { type Operation, operation } from './calls.ts';
import { escapeHtml, intOf, iterate, sliceIndices, toCount, truthy } from './operators.ts';
import { type Runtime } from './runtime.ts';
import * as unicode from './unicode.ts';
import { Dict, fail, isList, Markup, textOf, Tuple, typeName, type Value } from './values.ts';

const { pointLength, points, unitIndex } = unicode;

/** A str argument. */
const need = (value: Value | undefined): string =>
  value === undefined ? fail('a str is missing') : (textOf(value) ?? fail(`a str is needed, not ${typeName(value)}`));
const optional = (value: Value | undefined): string | undefined => (value === undefined || value === null ? undefined : need(value));
const self = (value: Value): string => textOf(value)!;

/** The methods of a str without format (attributes.ts has it); those of Markup give Markup, and escape what is joined to it. */
export const strMethods: Readonly<Record<string, Operation>> = {
  ...mapped({
    capitalize: unicode.capitalize,
    casefold: unicode.foldCase,
    lower: (text) => text.toLowerCase(),
    swapcase: unicode.swapCase,
    title: unicode.titleCase,
    upper: (text) => text.toUpperCase(),
  }),
  ...tested({
    isalnum: unicode.isAlphanumeric,
    isalpha: unicode.isAlphabetic,
    isascii: unicode.isAscii,
    isdecimal: unicode.isDecimal,
    isdigit: unicode.isDigit,
    isidentifier: unicode.isIdentifier,
    islower: unicode.isLower,
    isnumeric: unicode.isNumeric,
    isprintable: unicode.isPrintable,
    isspace: unicode.isSpace,
    istitle: unicode.isTitle,
    isupper: unicode.isUpper,
  }),
  center: operation('_width _fill?', (rt, value, width, fill) => justify(rt, value, toCount(width!), fill, 0.5)),
  ljust: operation('_width _fill?', (rt, value, width, fill) => justify(rt, value, toCount(width!), fill, 1)),
  rjust: operation('_width _fill?', (rt, value, width, fill) => justify(rt, value, toCount(width!), fill, 0)),
  count: operation('_sub _start? _end?', (rt, value, sub, start, end) => {
    const part = span(rt, self(value), start, end);
    const sought = rt.plain(need(sub));
    if (sought === '') return part ? BigInt(pointLength(part.text) + 1) : 0n;
    return part ? BigInt(occurrences(rt, part.text, sought).length) : 0n;
  }),
  find: operation('_sub _start? _end?', (rt, value, sub, start, end) => find(rt, value, sub, start, end, false)),
  rfind: operation('_sub _start? _end?', (rt, value, sub, start, end) => find(rt, value, sub, start, end, true)),
  index: operation('_sub _start? _end?', (rt, value, sub, start, end) => found(find(rt, value, sub, start, end, false))),
  rindex: operation('_sub _start? _end?', (rt, value, sub, start, end) => found(find(rt, value, sub, start, end, true))),
  startswith: operation('_prefix _start? _end?', (rt, value, prefix, start, end) =>
    affix(rt, value, prefix!, start, end, (text, sought) => text.startsWith(sought)),
  ),
  endswith: operation('_suffix _start? _end?', (rt, value, suffix, start, end) =>
    affix(rt, value, suffix!, start, end, (text, sought) => text.endsWith(sought)),
  ),
  expandtabs: operation('tabsize?', (rt, value, tabsize = 8n) => same(value, expandTabs(rt, self(value), toCount(tabsize)))),
  join: operation('_items', (rt, value, items) => join(rt, value, items!)),
  lstrip: operation('_characters?', (rt, value, characters) => same(value, strip(rt, self(value), optional(characters), true, false))),
  rstrip: operation('_characters?', (rt, value, characters) => same(value, strip(rt, self(value), optional(characters), false, true))),
  strip: operation('_characters?', (rt, value, characters) => same(value, strip(rt, self(value), optional(characters)))),
  partition: operation('_separator', (rt, value, separator) => partition(rt, value, need(separator), false)),
  rpartition: operation('_separator', (rt, value, separator) => partition(rt, value, need(separator), true)),
  removeprefix: operation('_prefix', (rt, value, prefix) =>
    same(value, rt.plain(self(value)).startsWith(rt.plain(need(prefix))) ? self(value).slice(need(prefix).length) : self(value)),
  ),
  removesuffix: operation('_suffix', (rt, value, suffix) =>
    same(value, need(suffix) && rt.plain(self(value)).endsWith(rt.plain(need(suffix))) ? self(value).slice(0, -need(suffix).length) : self(value)),
  ),
  replace: operation('_old _new _count?', (rt, value, old, by, count = -1n) =>
    same(value, replace(rt, self(value), need(old), value instanceof Markup ? escapeHtml(rt, by!) : need(by), toCount(count))),
  ),
  split: operation('sep? maxsplit?', (rt, value, separator, most = -1n) => split(rt, value, optional(separator), toCount(most), false)),
  rsplit: operation('sep? maxsplit?', (rt, value, separator, most = -1n) => split(rt, value, optional(separator), toCount(most), true)),
  splitlines: operation('keepends?', (rt, value, keepEnds = false) => {
    const lines = unicode.splitLines(self(value), truthy(keepEnds));
    rt.list(lines.length);
    return lines.map((line) => same(value, line));
  }),
  translate: operation('_table', (rt, value, table) => same(value, translate(rt, self(value), table!))),
  zfill: operation('_width', (rt, value, width) => {
    const [, sign, rest] = /^([+-]?)([^]*)$/.exec(self(value))!;
    const missing = Math.max(0, toCount(width!) - pointLength(self(value)));
    rt.text(missing);
    return same(value, sign + '0'.repeat(missing) + rest);
  }),
};

function mapped(maps: Record<string, (text: string) => string>): Record<string, Operation> {
  return Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, operation('', (rt, value) => {
    rt.text(self(value).length * 3);
    return same(value, map(rt.plain(self(value))));
  })]));
}

function tested(tests: Record<string, (text: string) => boolean>): Record<string, Operation> {
  return Object.fromEntries(Object.entries(tests).map(([name, test]) => [name, operation('', (rt, value) => {
    rt.search(self(value).length, 1);
    return test(rt.plain(self(value)));
  })]));
}

/** A text of the same type as the value. */
const same = (value: Value, text: string): Value => (value instanceof Markup ? new Markup(text) : text);
const found = (index: bigint): bigint => (index < 0n ? fail('substring not found') : index);

/** Unmarked text between two indices, and where it begins; undefined if it begins behind the end. */
function span(rt: Runtime, text: string, start: Value | undefined, end: Value | undefined): { text: string; start: number } | undefined {
  const plain = rt.plain(text);
  if ((start ?? null) === null && (end ?? null) === null) return { text: plain, start: 0 };
  const length = pointLength(plain);
  const [first, last] = [start, end].map((index) => ((index ?? null) === null ? undefined : toCount(index!)));
  if (first !== undefined && first > length) return undefined;
  const { from, count } = sliceIndices(length, first, last);
  return { text: plain.slice(unitIndex(plain, from), unitIndex(plain, from + count)), start: from };
}

function find(rt: Runtime, value: Value, sub: Value | undefined, start: Value | undefined, end: Value | undefined, last: boolean): bigint {
  const sought = rt.plain(need(sub));
  const part = span(rt, self(value), start, end);
  if (!part) return -1n;
  rt.search(part.text.length, sought.length);
  const at = last ? part.text.lastIndexOf(sought) : part.text.indexOf(sought);
  return at < 0 ? -1n : BigInt(part.start + pointLength(part.text.slice(0, at)));
}

function affix(
  rt: Runtime,
  value: Value,
  affixes: Value,
  start: Value | undefined,
  end: Value | undefined,
  has: (text: string, sought: string) => boolean,
): boolean {
  const part = span(rt, self(value), start, end);
  const any = affixes instanceof Tuple ? affixes.items : [affixes];
  return any.some((each) => has(part?.text ?? '', rt.plain(need(each))) && part !== undefined);
}

/** Where `sought` is in the text, without overlaps: indices in units. */
function occurrences(rt: Runtime, text: string, sought: string, most = Infinity): number[] {
  rt.search(text.length, sought.length);
  const at: number[] = [];
  for (let i = text.indexOf(sought); i >= 0 && at.length < most; i = text.indexOf(sought, i + sought.length)) {
    at.push(i);
    if (at.length % 1024 === 0) rt.step(256);
  }
  return at;
}

function justify(rt: Runtime, value: Value, width: number, fill: Value | undefined, after: number): Value {
  const character = fill === undefined ? ' ' : need(fill);
  if (pointLength(character) !== 1) return fail('The fill character must be exactly one character long');
  const length = pointLength(self(value));
  const missing = Math.max(0, width - length);
  rt.text(missing + self(value).length);
  // Where both sides get some, CPython gives the odd one to the left for odd widths.
  const left = after === 0.5 ? Math.floor(missing / 2) + (missing & width & 1) : after ? 0 : missing;
  return same(value, character.repeat(left) + self(value) + character.repeat(missing - left));
}

function expandTabs(rt: Runtime, text: string, size: number): string {
  let column = 0;
  let out = '';
  for (const character of text) {
    if (character === '\t') {
      const width = size > 0 ? size - (column % size) : 0;
      rt.text(width);
      out += ' '.repeat(width);
      column += width;
    } else {
      out += character;
      column = character === '\n' || character === '\r' ? 0 : column + 1;
    }
  }
  rt.text(out.length);
  return out;
}

export function join(rt: Runtime, separator: Value, items: Value): Value {
  const safe = separator instanceof Markup;
  const parts: string[] = [];
  let length = 0;
  for (const item of iterate(rt, items)) {
    const part = safe ? escapeHtml(rt, item) : (textOf(item) ?? fail(`sequence item ${parts.length}: expected str instance, ${typeName(item)} found`));
    length += part.length + self(separator).length;
    rt.text(part.length + self(separator).length);
    if (parts.push(part) % 1024 === 0) rt.text(length);
  }
  rt.text(length);
  return same(separator, parts.join(self(separator)));
}

const pythonSpace = new RegExp(`[${unicode.pythonSpace}]`);

/** Python's strip: of white space, or of these characters. */
export function strip(rt: Runtime, text: string, characters: string | undefined, left = true, right = true): string {
  rt.search(text.length, 1);
  const plain = rt.plain(text);
  const among = characters === undefined ? undefined : new Set(points(rt.plain(characters)));
  const units = points(plain);
  const drop = (i: number): boolean => (among ? among.has(units[i]) : pythonSpace.test(units[i]));
  let start = 0;
  let end = units.length;
  if (left) while (start < end && drop(start)) start++;
  if (right) while (end > start && drop(end - 1)) end--;
  return text.slice(unitIndex(plain, start), unitIndex(plain, end));
}

function partition(rt: Runtime, value: Value, separator: string, last: boolean): Value {
  const text = self(value);
  const [plain, sought] = [rt.plain(text), rt.plain(separator)];
  if (sought === '') return fail('empty separator');
  rt.search(text.length, sought.length);
  const at = last ? plain.lastIndexOf(sought) : plain.indexOf(sought);
  const pieces = at < 0 ? (last ? ['', '', text] : [text, '', '']) : [text.slice(0, at), text.slice(at, at + sought.length), text.slice(at + sought.length)];
  return new Tuple(pieces.map((piece) => same(value, piece)));
}

/** Python's replace; a count below 0 means all. */
export function replace(rt: Runtime, text: string, old: string, by: string, count: number): string {
  const [plain, sought] = [rt.plain(text), rt.plain(old)];
  const most = count < 0 ? Infinity : count;
  const at = sought === '' ? boundaries(rt, plain, most) : occurrences(rt, plain, sought, most);
  rt.text(text.length + at.length * (by.length - sought.length));
  let out = '';
  let from = 0;
  for (const index of at) {
    out += text.slice(from, index) + by;
    from = index + sought.length;
  }
  return out + text.slice(from);
}

/** Before every code point and at the end. */
function boundaries(rt: Runtime, text: string, most: number): number[] {
  rt.step(text.length / 4);
  const at: number[] = [];
  for (let unit = 0; unit <= text.length && at.length < most; unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1) at.push(unit);
  return at;
}

function split(rt: Runtime, value: Value, separator: string | undefined, most: number, last: boolean): Value {
  const text = self(value);
  const plain = rt.plain(text);
  if (separator === '') return fail('empty separator');
  const pieces = separator === undefined ? splitSpace(rt, text, plain, most, last) : splitOn(rt, text, plain, rt.plain(separator), most, last);
  rt.list(pieces.length);
  return pieces.map((piece) => same(value, piece));
}

function splitOn(rt: Runtime, text: string, plain: string, separator: string, most: number, last: boolean): string[] {
  let at = last ? lastOccurrences(rt, plain, separator) : occurrences(rt, plain, separator);
  if (most >= 0) at = last ? at.slice(Math.max(0, at.length - most)) : at.slice(0, most);
  const pieces: string[] = [];
  let from = 0;
  for (const index of at) {
    pieces.push(text.slice(from, index));
    from = index + separator.length;
  }
  return [...pieces, text.slice(from)];
}

/** From the end, which matters where they overlap; in ascending order. */
function lastOccurrences(rt: Runtime, text: string, sought: string): number[] {
  rt.search(text.length, sought.length);
  const at: number[] = [];
  for (let i = text.lastIndexOf(sought); i >= 0; i = i < sought.length ? -1 : text.lastIndexOf(sought, i - sought.length)) at.unshift(i);
  return at;
}

function splitSpace(rt: Runtime, text: string, plain: string, most: number, last: boolean): string[] {
  rt.search(text.length, 1);
  const words = [...plain.matchAll(new RegExp(`[^${unicode.pythonSpace}]+`, 'g'))].map(({ 0: word, index }) => [index, index + word.length] as const);
  if (most < 0 || words.length <= most) return words.map(([from, to]) => text.slice(from, to));
  if (last) {
    const kept = words.slice(words.length - most);
    const [, end] = words[words.length - most - 1];
    return [strip(rt, text.slice(0, end), undefined, false, true), ...kept.map(([from, to]) => text.slice(from, to))];
  }
  return [...words.slice(0, most).map(([from, to]) => text.slice(from, to)), text.slice(words[most][0])];
}

/** By a mapping from code points to code points, texts or None. */
function translate(rt: Runtime, text: string, table: Value): string {
  let out = '';
  for (const character of rt.plain(text)) {
    rt.step();
    const point = BigInt(character.codePointAt(0)!);
    const to = table instanceof Dict ? table.get(point) : isList(table) ? table[Number(point)] : fail('a mapping is needed');
    if (to === undefined) out += character;
    else if (to !== null) out += textOf(to) ?? (intOf(to) === undefined ? character : String.fromCodePoint(Number(to)));
  }
  rt.text(out.length);
  return out;
}
