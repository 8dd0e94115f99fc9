// How Python spells values: str and repr.
import { floatRepr } from './decimal.ts';
import { type Runtime } from './runtime.ts';
import { isPrintable } from './unicode.ts';
import { Callable, Dict, fail, isList, Lazy, Live, Markup, Namespace, Range, textOf, Tuple, typeName, Undefined, type Value, type View } from './values.ts';

/** A str without marks, if it is one. */
export function plainOf(rt: Runtime, value: Value): string | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : rt.plain(text);
}

/** Python's str. */
export function str(rt: Runtime, value: Value): string {
  const text = textOf(value);
  if (text !== undefined) return text;
  return value instanceof Undefined ? '' : repr(rt, value);
}

/** Python's repr. */
export function repr(rt: Runtime, value: Value): string {
  rt.step();
  if (value === null) return 'None';
  switch (typeof value) {
    case 'boolean': return value ? 'True' : 'False';
    case 'number': return floatRepr(value);
    case 'bigint': return intText(value);
    case 'string': return quoted(rt, value);
  }
  if (value instanceof Markup) return `Markup(${quoted(rt, value.text)})`;
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Range) return `range(${value.start}, ${value.stop}${value.step === 1n ? '' : `, ${value.step}`})`;
  if (value instanceof Callable) return value.shown;
  if (value instanceof Live) return value.shown();
  if (value instanceof Lazy) return `<${value.name} object>`;
  return rt.deeper(() => container(rt, value));
}

function container(rt: Runtime, value: readonly Value[] | Tuple | Dict | View | Namespace): string {
  if (isList(value)) return `[${commas(rt, value)}]`;
  if (value instanceof Tuple) return `(${commas(rt, value.items)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof Dict) return `{${pairs(rt, value.entries())}}`;
  if (value instanceof Namespace) return `<Namespace {${pairs(rt, value.attributes.entries())}}>`;
  const items = [...value.dict.entries()].map(([key, item]) => (value.part === 'keys' ? key : value.part === 'values' ? item : new Tuple([key, item])));
  return `${typeName(value)}([${commas(rt, items)}])`;
}

function commas(rt: Runtime, items: readonly Value[]): string {
  return joinCharged(rt, items.map((item) => repr(rt, item)));
}

function pairs(rt: Runtime, entries: Iterable<readonly [Value, Value]>): string {
  return joinCharged(rt, Array.from(entries, ([key, value]) => `${repr(rt, key)}: ${repr(rt, value)}`));
}

function joinCharged(rt: Runtime, parts: string[]): string {
  rt.text(parts.reduce((sum, part) => sum + part.length + 2, 0));
  return parts.join(', ');
}

/** Python refuses to spell longer ones too. */
function intText(value: bigint): string {
  const text = value.toString();
  return text.length > 4301 || (text.length === 4301 && value > 0n) ? fail('Exceeds the limit (4300 digits) for integer string conversion') : text;
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/** In single quotes, unless only double ones need no escape. Marks stay on what is not escaped. */
function quoted(rt: Runtime, text: string): string {
  const plain = rt.plain(text);
  rt.text(text.length);
  const quote = plain.includes("'") && !plain.includes('"') ? '"' : "'";
  if (!plain.includes(quote) && !plain.includes('\\') && isPrintable(plain)) return quote + text + quote;
  let out = quote;
  let unit = 0;
  for (const character of plain) {
    if (character === quote) out += `\\${quote}`;
    else if (character in named) out += named[character];
    else out += isPrintable(character) ? text.slice(unit, unit + character.length) : hexEscape(character.codePointAt(0)!);
    unit += character.length;
  }
  rt.text(out.length);
  return out + quote;
}

const hexEscape = (point: number): string => (point < 0x100 ? `\\x${hex(point, 2)}` : point < 0x10000 ? `\\u${hex(point, 4)}` : `\\U${hex(point, 8)}`);
const hex = (point: number, digits: number): string => point.toString(16).padStart(digits, '0');
