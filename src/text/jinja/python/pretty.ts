// Python's pprint.pformat: keys in order, and what is longer than 80 columns over several lines.
import { compare, equals } from './operators.ts';
import { type Runtime } from './runtime.ts';
import { repr } from './spelling.ts';
import { pointLength, pythonSpace, splitLines } from './unicode.ts';
import { Dict, isList, JinjaError, Tuple, typeName, type Value } from './values.ts';

const width = 80;

export function prettyPrint(rt: Runtime, value: Value): string {
  return layOut(rt, value, 0, 0, 1);
}

/** In one line, keys in order. */
function oneLine(rt: Runtime, value: Value): string {
  const list = (items: readonly Value[]): string => items.map((item) => oneLine(rt, item)).join(', ');
  if (isList(value)) return rt.deeper(() => `[${list(value)}]`);
  if (value instanceof Tuple) return rt.deeper(() => `(${list(value.items)}${value.items.length === 1 ? ',' : ''})`);
  if (value instanceof Dict)
    return rt.deeper(
      () =>
        `{${sortedEntries(rt, value)
          .map(([key, item]) => `${oneLine(rt, key)}: ${oneLine(rt, item)}`)
          .join(', ')}}`,
    );
  return repr(rt, value);
}

/** By the keys; by the names of types where they have no order. */
function sortedEntries(rt: Runtime, dict: Dict): (readonly [Value, Value])[] {
  return [...dict.entries()].sort(([a], [b]) => {
    try {
      return equals(rt, a, b) ? 0 : compare(rt, a, b);
    } catch (error) {
      if (!(error instanceof JinjaError)) throw error;
      return typeName(a) < typeName(b) ? -1 : 1;
    }
  });
}

/** `indent`: the column; `allowance`: columns that have to stay free behind. */
function layOut(rt: Runtime, value: Value, indent: number, allowance: number, level: number): string {
  const line = oneLine(rt, value);
  rt.text(line.length);
  if (pointLength(line) <= width - indent - allowance) return line;
  return rt.deeper(() => {
    const each = (items: readonly Value[], last: number): string =>
      items.map((item, i) => layOut(rt, item, indent + 1, i === items.length - 1 ? last : 1, level + 1)).join(`,\n${' '.repeat(indent + 1)}`);
    if (isList(value)) return `[${each(value, allowance + 1)}]`;
    if (value instanceof Tuple) {
      const end = value.items.length === 1 ? ',)' : ')';
      return `(${each(value.items, allowance + end.length)}${end}`;
    }
    if (value instanceof Dict) {
      const entries = sortedEntries(rt, value);
      const lines = entries.map(([key, item], i) => {
        const shown = oneLine(rt, key);
        return `${shown}: ${layOut(rt, item, indent + 1 + pointLength(shown) + 2, i === entries.length - 1 ? allowance + 1 : 1, level + 1)}`;
      });
      return `{${lines.join(`,\n${' '.repeat(indent + 1)}`)}}`;
    }
    return typeof value === 'string' && value ? longText(rt, value, indent, allowance, level, line) : line;
  });
}

const words = new RegExp(`[^${pythonSpace}]*[${pythonSpace}]*`, 'g');

/** A text over several lines, as literals side by side. */
function longText(rt: Runtime, text: string, column: number, reserved: number, level: number, whole: string): string {
  const outer = level === 1 ? 1 : 0;
  const [indent, allowance] = [column + outer, reserved + outer];
  const chunks: string[] = [];
  const lines = splitLines(text, true);
  let last = whole;
  lines.forEach((line, i) => {
    const ends = i === lines.length - 1 ? allowance : 0;
    last = repr(rt, line);
    if (pointLength(last) <= width - indent - ends) {
      chunks.push(last);
      return;
    }
    const parts = (line.match(words) ?? []).filter(Boolean);
    let current = '';
    parts.forEach((part, j) => {
      const most = width - indent - (j === parts.length - 1 ? ends : 0);
      if (pointLength(repr(rt, current + part)) > most) {
        if (current) chunks.push(repr(rt, current));
        current = part;
      } else current += part;
    });
    if (current) chunks.push(repr(rt, current));
  });
  if (chunks.length === 1) return last;
  const joined = chunks.join(`\n${' '.repeat(indent)}`);
  return level === 1 ? `(${joined})` : joined;
}
