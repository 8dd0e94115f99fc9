// Python's two ways to put values into a text: `'%s' % value` and `'{}'.format(value)`.
import { fixed, general, isNegative, floatRepr, scientific } from './decimal.ts';
import { arithmetic, escapeHtml, intOf, isNumber, toFloat } from './operators.ts';
import { type Runtime } from './runtime.ts';
import { plainOf, repr, str } from './spelling.ts';
import { pointLength, points } from './unicode.ts';
import { type CallArguments, Dict, fail, isList, Markup, present, Range, textOf, Tuple, typeName, Undefined, type Value } from './values.ts';

/** Python's `%`: a remainder, or a text with values put in. */
export const modulo = (rt: Runtime, a: Value, b: Value): Value => (textOf(a) === undefined ? arithmetic(rt, '%', a, b) : percent(rt, a, b));

const printf = /%(?:\(([^()]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?([^])?/g;

/** `format % value`. What goes into Markup is escaped. */
export function percent(rt: Runtime, format: Value, value: Value): Value {
  const text = textOf(format)!;
  const items = value instanceof Tuple ? value.items : [value];
  let used = 0;
  const next = (): Value => (used < items.length ? items[used++] : fail('not enough arguments for format string'));
  const width = (given: string | undefined): number | undefined =>
    given === '*' ? Number(intOf(next()) ?? fail('* wants int')) : given === undefined ? undefined : Number(given);
  const plain = rt.plain(text);
  let out = '';
  let at = 0;
  for (const { 0: whole, index, 1: name, 2: flags, 3: wide, 4: precise, 5: type } of plain.matchAll(printf)) {
    out += text.slice(at, index);
    at = index + whole.length;
    if (type === undefined) return fail('incomplete format');
    if (type === '%') {
      out += '%';
      continue;
    }
    let item: Value | undefined;
    if (name !== undefined) {
      if (!(value instanceof Dict)) return fail('format requires a mapping');
      item = present(value.get(`s${name}`), () => fail(`'${name}'`));
    }
    let wanted = width(wide);
    const precision = width(precise) ?? (/\.(?=[^\d*]|$)/.test(whole) ? 0 : undefined);
    item = present(item, next);
    const left = flags.includes('-') || (wanted ?? 0) < 0;
    wanted = Math.abs(wanted ?? 0);
    const made = converted(rt, type, item, flags, precision, format instanceof Markup);
    out += padded(
      rt,
      made.sign,
      made.body,
      wanted,
      left ? '<' : flags.includes('0') && made.number ? '=' : '>',
      flags.includes('0') && made.number && !left ? '0' : ' ',
    );
    rt.text(out.length / 16);
  }
  if (used < items.length && !mayGoUnused(value)) return fail('not all arguments converted during string formatting');
  out += text.slice(at);
  return format instanceof Markup ? new Markup(out) : out;
}

/** Python lets what can be indexed go unused, other than tuples and texts. */
const mayGoUnused = (value: Value): boolean => isList(value) || value instanceof Dict || value instanceof Range || value instanceof Undefined;

interface Made {
  readonly sign: string;
  readonly body: string;
  readonly number: boolean;
}

function converted(rt: Runtime, type: string, item: Value, flags: string, precision: number | undefined, escape: boolean): Made {
  if ('sra'.includes(type)) {
    const text = type === 's' ? str(rt, item) : type === 'r' ? repr(rt, item) : asciiRepr(rt, item);
    const body = escape && !(type === 's' && item instanceof Markup) ? escapeHtml(rt, text) : text;
    return { sign: '', body: precision === undefined ? body : [...points(body)].slice(0, precision).join(''), number: false };
  }
  if (type === 'c') {
    const text = plainOf(rt, item) ?? String.fromCodePoint(Number(intOf(item) ?? fail('%c requires int or char')));
    return pointLength(text) === 1 ? { sign: '', body: text, number: false } : fail('%c requires int or char');
  }
  if (!isNumber(item)) return fail(`%${type} format: a real number is required, not ${typeName(item)}`);
  const sign = (negative: boolean): string => (negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '');
  if ('eEfFgG'.includes(type)) {
    const value = toFloat(item);
    return { sign: sign(isNegative(value)), body: floatBody(rt, value, type, precision, flags.includes('#')), number: true };
  }
  if (!'diuoxX'.includes(type)) return fail(`unsupported format character '${type}'`);
  if (typeof item === 'number' && !('diu'.includes(type) && Number.isFinite(item))) return fail(`%${type} format: an integer is required, not float`);
  const value = typeof item === 'number' ? BigInt(Math.trunc(item)) : intOf(item)!;
  const digits = (value < 0n ? -value : value).toString(type === 'o' ? 8 : /x/i.test(type) ? 16 : 10);
  if (precision !== undefined) rt.text(precision);
  const prefix = flags.includes('#') ? ({ o: '0o', x: '0x', X: '0x' }[type] ?? '') : '';
  const body = digits.padStart(precision ?? 0, '0');
  return { sign: sign(value < 0n) + (type === 'X' ? prefix.toUpperCase() : prefix), body: type === 'X' ? body.toUpperCase() : body, number: true };
}

function floatBody(rt: Runtime, value: number, type: string, precision = 6, alternate = false): string {
  rt.int(precision * 4);
  const kind = type.toLowerCase();
  let body = kind === 'f' ? fixed(value, precision) : kind === 'e' ? scientific(value, precision) : general(value, precision, alternate);
  if (alternate && kind !== 'g' && precision === 0) body = body.replace(/^\d+/, '$&.');
  return kind === type ? body : body.toUpperCase();
}

export const asciiRepr = (rt: Runtime, value: Value): string =>
  repr(rt, value).replace(/[^\0-\x7f]/gu, (character) => {
    const point = character.codePointAt(0)!;
    const digits = point < 0x100 ? 2 : point < 0x10000 ? 4 : 8;
    return `\\${{ 2: 'x', 4: 'u', 8: 'U' }[digits]}${point.toString(16).padStart(digits, '0')}`;
  });

/** Fills `sign + body` up to `width`; '=' fills between the two. */
function padded(rt: Runtime, sign: string, body: string, width: number, align: string, fill: string): string {
  const missing = Math.max(0, width - pointLength(sign) - pointLength(body));
  if (missing === 0) return sign + body;
  rt.text(missing);
  const [before, after] = align === '<' ? [0, missing] : align === '^' ? [Math.floor(missing / 2), Math.ceil(missing / 2)] : [missing, 0];
  return align === '=' ? sign + fill.repeat(missing) + body : fill.repeat(before) + sign + body + fill.repeat(after);
}

/** What looks values up for the fields of a format: as the template's own `.` and `[]` do. */
export interface Lookup {
  attribute(object: Value, name: string): Value;
  item(object: Value, key: Value): Value;
}

/** `format.format(*args, **kwargs)`. */
export function strFormat(rt: Runtime, format: Value, given: CallArguments, lookup: Lookup): Value {
  const escape = format instanceof Markup;
  const state = { automatic: 0 as number | undefined };
  const out = expand(rt, rt.plain(textOf(format)!), given, lookup, state, escape, 2);
  return escape ? new Markup(out) : out;
}

function expand(
  rt: Runtime,
  format: string,
  given: CallArguments,
  lookup: Lookup,
  state: { automatic: number | undefined },
  escape: boolean,
  depth: number,
): string {
  if (depth < 0) return fail('Max string recursion exceeded');
  let out = '';
  for (let i = 0; i < format.length; i++) {
    const unit = format[i];
    if (unit !== '{' && unit !== '}') out += unit;
    else if (format[i + 1] === unit) out += format[++i];
    else if (unit === '}') return fail("Single '}' encountered in format string");
    else {
      const end = fieldEnd(format, i);
      const [, path, conversion, spec = ''] =
        /^([^!:[]*(?:\[[^\]]*\][^!:[]*)*)(?:!([^:]*))?(?::([^]*))?$/.exec(format.slice(i + 1, end)) ?? fail("expected '}' before end of string");
      let value = field(path, given, lookup, state);
      if (conversion !== undefined)
        value =
          conversion === 's'
            ? str(rt, value)
            : conversion === 'r'
              ? repr(rt, value)
              : conversion === 'a'
                ? asciiRepr(rt, value)
                : fail(`Unknown conversion specifier '${conversion}'`);
      const made = formatValue(rt, value, expand(rt, spec, given, lookup, state, false, depth - 1));
      out += escape && !(value instanceof Markup) ? escapeHtml(rt, made) : made;
      rt.text(out.length / 16);
      i = end;
    }
  }
  return out;
}

function fieldEnd(format: string, start: number): number {
  let depth = 0;
  for (let i = start; i < format.length; i++) {
    if (format[i] === '{') depth++;
    else if (format[i] === '}' && --depth === 0) return i;
  }
  return fail("expected '}' before end of string");
}

function field(path: string, { args, kwargs }: CallArguments, lookup: Lookup, state: { automatic: number | undefined }): Value {
  const [, first, rest] = /^([^.[]*)([^]*)$/.exec(path)!;
  let value: Value;
  if (first === '' || /^\d+$/.test(first)) {
    if (first === '' ? state.automatic === undefined : state.automatic) return fail('cannot switch between manual and automatic field numbering');
    const index = first === '' ? state.automatic!++ : Number(first);
    if (first !== '') state.automatic = undefined;
    value = present(args[index], () => fail('Replacement index out of range'));
  } else value = present(kwargs.get(first), () => fail(`'${first}'`));
  for (const [, attribute, item] of rest.matchAll(/\.([^.[]+)|\[([^\]]*)\]|(?:[^])/g)) {
    if (attribute !== undefined) value = lookup.attribute(value, attribute);
    else if (item) value = lookup.item(value, /^\d+$/.test(item) ? BigInt(item) : item);
    else return fail('Empty attribute in format string');
  }
  return value;
}

const specification = /^(?:([^])?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** Python's format(value, spec). */
export function formatValue(rt: Runtime, value: Value, spec: string): string {
  if (spec === '') return str(rt, value);
  const text = textOf(value);
  if (text === undefined && !isNumber(value)) return fail(`unsupported format string passed to ${typeName(value)}.__format__`);
  const [, givenFill, align, sign, , alternate, zero, width, grouping, precise, type] = specification.exec(spec) ?? fail('Invalid format specifier');
  const fill = givenFill ?? (zero ? '0' : ' ');
  const wide = Number(width ?? 0);
  const precision = precise === undefined ? undefined : Number(precise);
  if (text !== undefined) {
    if (sign || alternate || grouping || align === '=' || (type ?? 's') !== 's') return fail('Invalid format specifier for a str');
    return padded(rt, '', precision === undefined ? text : [...points(text)].slice(0, precision).join(''), wide, align ?? '<', fill);
  }
  const number = value as number | bigint | boolean;
  const { negative, prefix, body } = numberBody(rt, number, type, precision, alternate === '#');
  const shownSign = (negative ? '-' : sign && sign !== '-' ? sign : '') + prefix;
  const minimum = grouping && fill === '0' && (align ?? '=') === '=' ? wide - shownSign.length : 0;
  const grouped = grouping ? group(rt, body, grouping, type && /[boxX]/.test(type) ? 4 : 3, minimum) : body;
  return padded(rt, shownSign, grouped, wide, align ?? (zero ? '=' : '>'), fill);
}

function numberBody(
  rt: Runtime,
  value: number | bigint | boolean,
  type: string | undefined,
  precision: number | undefined,
  alternate: boolean,
): { negative: boolean; prefix: string; body: string } {
  const kind = type ?? '';
  if (typeof value !== 'number' && /^[bcdoxXn]?$/.test(kind)) {
    if (precision !== undefined) return fail('Precision not allowed in integer format specifier');
    const int = BigInt(value);
    const size = int < 0n ? -int : int;
    if (kind === 'c') return { negative: false, prefix: '', body: String.fromCodePoint(Number(int)) };
    const digits = size.toString({ b: 2, o: 8, x: 16, X: 16 }[kind] ?? 10);
    const prefix = alternate && /[boxX]/.test(kind) ? `0${kind}` : '';
    return { negative: int < 0n, prefix, body: kind === 'X' ? digits.toUpperCase() : digits };
  }
  if (!/^[eEfFgGn%]?$/.test(kind)) return fail(`Unknown format code '${kind}'`);
  const float = toFloat(value);
  const negative = isNegative(float);
  if (kind === '%') return { negative, prefix: '', body: `${floatBody(rt, float * 100, 'f', precision, alternate)}%` };
  if (kind) return { negative, prefix: '', body: floatBody(rt, float, kind === 'n' ? 'g' : kind, precision, alternate) };
  if (precision === undefined) return { negative, prefix: '', body: floatRepr(Math.abs(float)) };
  rt.int(precision * 4);
  return { negative, prefix: '', body: general(float, precision, alternate, true) };
}

/** Separates groups of digits before the point; with zeros before, up to `minimum` characters. */
function group(rt: Runtime, body: string, separator: string, size: number, minimum: number): string {
  const [, digits, rest] = /^([0-9a-fA-F]*)([^]*)$/.exec(body)!;
  const [whole, tail] = /^\d+e/i.test(body) && rest === '' ? [body.slice(0, body.search(/e/i)), body.slice(body.search(/e/i))] : [digits, rest];
  rt.text(Math.max(0, minimum) ** 2);
  let padding = whole;
  const shown = (text: string): string => text.replace(new RegExp(`(?!^)(?=(?:[0-9a-fA-F]{${size}})+$)`, 'g'), separator);
  while (shown(padding).length + tail.length < minimum) padding = `0${padding}`;
  return shown(padding) + tail;
}
