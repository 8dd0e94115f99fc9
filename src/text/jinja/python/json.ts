// Python's json.dumps, which transformers has as the filter tojson.
import { floatRepr } from './decimal.ts';
import { compare, truthy } from './operators.ts';
import { type Runtime } from './runtime.ts';
import { repr } from './spelling.ts';
import { Dict, fail, isList, textOf, Tuple, typeName, type Value } from './values.ts';

interface Layout {
  readonly ascii: boolean;
  /** What one level is indented by; undefined: all in one line. */
  readonly indent?: string;
  readonly between: string;
  readonly afterKey: string;
  readonly sorted: boolean;
}

/** `options` as Python has them: ensure_ascii, indent, separators, sort_keys. */
export function toJson(rt: Runtime, value: Value, ascii: Value = false, indent: Value = null, separators: Value = null, sorted: Value = false): string {
  const step = textOf(indent);
  const width =
    step ??
    (indent === null
      ? undefined
      : typeof indent === 'bigint' || typeof indent === 'boolean'
        ? repeatSpace(rt, Math.max(0, Number(indent)))
        : fail('indent must be an integer or a string'));
  const given =
    separators === null ? undefined : isList(separators) ? separators : separators instanceof Tuple ? separators.items : fail('separators must be a pair');
  const [between, afterKey] = given?.map((each) => textOf(each) ?? fail('separators must be text')) ?? [width === undefined ? ', ' : ',', ': '];
  if (given && given.length !== 2) fail('separators must be a pair');
  return dump(rt, value, { ascii: truthy(ascii), indent: width, between, afterKey, sorted: truthy(sorted) }, '\n');
}

function repeatSpace(rt: Runtime, count: number): string {
  rt.text(count);
  return ' '.repeat(count);
}

/** `newline` is what begins a line at the present level. */
function dump(rt: Runtime, value: Value, layout: Layout, newline: string): string {
  rt.step();
  if (value === null) return 'null';
  const text = textOf(value);
  if (text !== undefined) return quoted(rt, text, layout.ascii);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'bigint') return repr(rt, value);
  if (typeof value === 'number') return floatText(value);
  const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined;
  if (!items && !(value instanceof Dict)) return fail(`Object of type ${typeName(value)} is not JSON serializable`);
  const inner = layout.indent === undefined ? newline : newline + layout.indent;
  return rt.deeper(() => {
    const parts = items ? items.map((item) => dump(rt, item, layout, inner)) : pairs(rt, value as Dict, layout, inner);
    const [open, close] = items ? '[]' : '{}';
    if (parts.length === 0) return open + close;
    const [first, last] = layout.indent === undefined ? ['', ''] : [inner, newline];
    const separator = layout.between + first;
    rt.text(parts.reduce((sum, part) => sum + part.length + separator.length, first.length + last.length + 2));
    return open + first + parts.join(separator) + last + close;
  });
}

function pairs(rt: Runtime, dict: Dict, layout: Layout, newline: string): string[] {
  const entries = [...dict.entries()];
  if (layout.sorted) entries.sort(([a], [b]) => compare(rt, a, b));
  return entries.map(([key, value]) => quoted(rt, keyText(rt, key), layout.ascii) + layout.afterKey + dump(rt, value, layout, newline));
}

function keyText(rt: Runtime, key: Value): string {
  const text = textOf(key);
  if (text !== undefined) return text;
  if (key === null || typeof key === 'boolean') return JSON.stringify(key);
  if (typeof key === 'bigint') return repr(rt, key);
  return typeof key === 'number' ? floatText(key) : fail(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

const floatText = (value: number): string => (Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? floatRepr(value) : value > 0 ? 'Infinity' : '-Infinity');

const special = /["\\\0-\x1f]/;
const specialInAscii = /["\\]|[^ -~]/;

/** Marks stay on what is not escaped. */
function quoted(rt: Runtime, text: string, ascii: boolean): string {
  const plain = rt.plain(text);
  const escaped = ascii ? specialInAscii : special;
  rt.text(text.length);
  if (!escaped.test(plain)) return `"${text}"`;
  let out = '"';
  for (let i = 0; i < plain.length; i++) {
    const unit = plain[i];
    out += !escaped.test(unit) ? text[i] : unit < '\x7f' ? JSON.stringify(unit).slice(1, -1) : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  }
  rt.text(out.length);
  return `${out}"`;
}
