// What Python's operators, truth, order and iteration make of values.
import { plainOf, str } from './spelling.ts';
import { type Runtime } from './runtime.ts';
import { compareText, pointLength, points } from './unicode.ts';
import { Callable, Dict, fail, isList, Lazy, Live, Markup, Namespace, Range, textOf, Tuple, typeName, Undefined, type Value, View } from './values.ts';

export function truthy(value: Value): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === '') return false;
  if (typeof value !== 'object') return true;
  if (value instanceof Undefined) return false;
  return lengthOf(value) !== 0;
}

/** Python's len, or undefined where it raises. */
export function lengthOf(value: Value): number | undefined {
  const text = textOf(value);
  if (text !== undefined) return pointLength(text);
  if (value === null || typeof value !== 'object') return undefined;
  if (isList(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof View) return value.dict.size;
  if (value instanceof Range) return value.length;
  if (value instanceof Undefined) return 0;
  return value instanceof Live ? value.more.length?.() : undefined;
}

export const len = (value: Value): bigint => BigInt(lengthOf(value) ?? fail(`object of type '${typeName(value)}' has no len()`));

/** Iterates as Python's iter does, or gives undefined where that raises. */
export function iteratorOf(value: Value): Iterator<Value> | undefined {
  const text = textOf(value);
  if (text !== undefined) return text[Symbol.iterator]();
  if (value === null || typeof value !== 'object') return undefined;
  if (isList(value)) return value[Symbol.iterator]();
  if (value instanceof Tuple) return value.items[Symbol.iterator]();
  if (value instanceof Dict) return entries(new View('keys', value));
  if (value instanceof View) return entries(value);
  if (value instanceof Range) return numbers(value);
  if (value instanceof Lazy) return value.iterator as Iterator<Value>;
  if (value instanceof Undefined) return [][Symbol.iterator]();
  return value instanceof Live ? value.more.iterator?.() : undefined;
}

export function* entries({ part, dict }: View): Generator<Value> {
  for (const [key, value] of dict.entries()) yield part === 'keys' ? key : part === 'values' ? value : new Tuple([key, value]);
}

function* numbers(range: Range): Generator<Value> {
  for (let i = 0; i < range.length; i++) yield range.at(i);
}

/** Charges a step for each element. */
export function* iterate(rt: Runtime, value: Value): Generator<Value, void, undefined> {
  const iterator = iteratorOf(value) ?? fail(`'${typeName(value)}' object is not iterable`);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    rt.step();
    yield next.value;
  }
}

export function toList(rt: Runtime, value: Value): Value[] {
  const length = lengthOf(value);
  if (length !== undefined) rt.list(length);
  const list: Value[] = [];
  for (const each of iterate(rt, value)) {
    list.push(each);
    if (length === undefined && list.length % 1024 === 0) rt.list(list.length);
  }
  return list;
}

export const isNumber = (value: Value): value is number | bigint | boolean =>
  typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';
/** An int: a bool is one. */
export const intOf = (value: Value | undefined): bigint | undefined =>
  typeof value === 'bigint' ? value : typeof value === 'boolean' ? BigInt(value) : undefined;
export const toInt = (value: Value): bigint => intOf(value) ?? fail(`'${typeName(value)}' object cannot be interpreted as an integer`);
/** An int that is used as an index or a count, within what JavaScript counts exactly. */
export const toCount = (value: Value): number => Math.max(-(2 ** 52), Math.min(2 ** 52, Number(toInt(value))));

/** What equal keys of a dict have in common. Raises for what has no hash. */
export function hashKey(rt: Runtime, value: Value): unknown {
  const text = textOf(value);
  if (text !== undefined) return `s${rt.plain(text)}`;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (value instanceof Undefined) return Undefined;
  if (value instanceof Tuple) return `t${value.items.map((item) => keyText(rt, hashKey(rt, item))).join('')}`;
  if (value instanceof Range) return `r${value.length} ${value.start} ${value.step}`;
  if (isList(value) || value instanceof Dict || (value instanceof View && value.part !== 'values')) return fail(`unhashable type: '${typeName(value)}'`);
  return value;
}

const identities = new WeakMap<object, number>();
let identityCount = 0;

/** A hash key as part of a longer one. */
function keyText(rt: Runtime, key: unknown): string {
  rt.step();
  if (typeof key === 'object' && key !== null) {
    if (!identities.has(key)) identities.set(key, identityCount++);
    return `o${identities.get(key)};`;
  }
  const text = String(key);
  return `${(typeof key)[0]}${text.length}:${text}`;
}

export function equals(rt: Runtime, a: Value, b: Value): boolean {
  rt.step();
  if (isNumber(a) && isNumber(b)) return typeof a === 'number' || typeof b === 'number' ? compareNumbers(a, b) === 0 : intOf(a) === intOf(b);
  const text = textOf(a);
  if (text !== undefined) return rt.plain(text) === plainOf(rt, b);
  if (a === b) return true;
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  return rt.deeper(() => {
    if (isList(a)) return isList(b) && sameItems(rt, a, b);
    if (a instanceof Tuple) return b instanceof Tuple && sameItems(rt, a.items, b.items);
    if (a instanceof Range) return b instanceof Range && hashKey(rt, a) === hashKey(rt, b);
    if (a instanceof Dict)
      return b instanceof Dict && a.size === b.size && [...a.hashed()].every(([key, [, value]]) => b.has(key) && equals(rt, value, b.get(key)!));
    if (a instanceof View && a.part !== 'values')
      return b instanceof View && b.part !== 'values' && a.dict.size === b.dict.size && [...entries(a)].every((item) => contains(rt, b, item));
    return false;
  });
}

const sameItems = (rt: Runtime, a: readonly Value[], b: readonly Value[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i] || equals(rt, item, b[i]));

/** Exact for ints and floats of any size; NaN compares with nothing. */
function compareNumbers(a: number | bigint | boolean, b: number | bigint | boolean): number {
  const [left, right] = [a, b].map((value) => (typeof value === 'boolean' ? BigInt(value) : value));
  return left < right ? -1 : left > right ? 1 : left == right ? 0 : NaN; // eslint-disable-line eqeqeq -- of a bigint with a number
}

/** Less than, equal, greater than: below, at, above 0. Raises where Python's order does; NaN is in no order. */
export function compare(rt: Runtime, a: Value, b: Value, operator = '<'): number {
  rt.step();
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  const [left, right] = [textOf(a), textOf(b)];
  if (left !== undefined && right !== undefined) return compareText(rt.plain(left), rt.plain(right));
  const [items, others] = isList(a) && isList(b) ? [a, b] : a instanceof Tuple && b instanceof Tuple ? [a.items, b.items] : [];
  if (items && others) {
    return rt.deeper(() => {
      const length = Math.min(items.length, others.length);
      for (let i = 0; i < length; i++) if (items[i] !== others[i] && !equals(rt, items[i], others[i])) return compare(rt, items[i], others[i], operator);
      return items.length - others.length;
    });
  }
  for (const value of [a, b]) if (value instanceof Undefined) fail(value.message);
  return fail(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** `item in container`. */
export function contains(rt: Runtime, container: Value, item: Value): boolean {
  const text = textOf(container);
  if (text !== undefined) {
    const sought = textOf(item) ?? fail(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    rt.search(text.length, sought.length);
    return rt.plain(text).includes(rt.plain(sought));
  }
  if (container instanceof Dict) return container.has(hashKey(rt, item));
  if (container instanceof View && container.part === 'keys') return container.dict.has(hashKey(rt, item));
  if (container instanceof Namespace || container instanceof Callable) return fail(`argument of type '${typeName(container)}' is not iterable`);
  for (const each of iterate(rt, container)) if (each === item || equals(rt, each, item)) return true;
  return false;
}

const bits = (value: bigint): number => value.toString(16).length * 4;

/** Python's binary operators on numbers, texts and sequences, without `%` on a text. */
export function arithmetic(rt: Runtime, operator: string, a: Value, b: Value): Value {
  for (const value of [a, b]) if (value instanceof Undefined) return fail(value.message);
  if (isNumber(a) && isNumber(b))
    return typeof a === 'number' || typeof b === 'number' ? floats(operator, toFloat(a), toFloat(b)) : ints(rt, operator, intOf(a)!, intOf(b)!);
  if (operator === '+') {
    const [left, right] = [textOf(a), textOf(b)];
    if (left !== undefined && right !== undefined) {
      rt.text(left.length + right.length);
      if (!(a instanceof Markup || b instanceof Markup)) return left + right;
      return new Markup(escapeHtml(rt, a) + escapeHtml(rt, b));
    }
    if (isList(a) && isList(b)) return joined(rt, a, b);
    if (a instanceof Tuple && b instanceof Tuple) return new Tuple(joined(rt, a.items, b.items));
  }
  if (operator === '*') {
    const [sequence, count] = isNumber(a) ? [b, a] : [a, b];
    const repeated = isNumber(count) && typeof count !== 'number' ? repeat(rt, sequence, Math.max(0, toCount(count))) : undefined;
    if (repeated !== undefined) return repeated;
  }
  return fail(`unsupported operand type(s) for ${operator}: '${typeName(a)}' and '${typeName(b)}'`);
}

function joined(rt: Runtime, a: readonly Value[], b: readonly Value[]): Value[] {
  rt.list(a.length + b.length);
  return [...a, ...b];
}

function repeat(rt: Runtime, value: Value, count: number): Value | undefined {
  const text = textOf(value);
  if (text !== undefined) {
    rt.text(text.length * count);
    return value instanceof Markup ? new Markup(text.repeat(count)) : text.repeat(count);
  }
  const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined;
  if (!items) return undefined;
  rt.list(items.length * count);
  const repeated = Array.from({ length: items.length * count }, (_, i) => items[i % items.length]);
  return isList(value) ? repeated : new Tuple(repeated);
}

export function toFloat(value: number | bigint | boolean): number {
  const float = Number(value);
  return typeof value === 'bigint' && !Number.isFinite(float) ? fail('int too large to convert to float') : float;
}

function ints(rt: Runtime, operator: string, a: bigint, b: bigint): Value {
  if (b === 0n && (operator === '/' || operator === '//' || operator === '%')) return fail('division by zero');
  switch (operator) {
    case '+': rt.int(Math.max(bits(a), bits(b)) + 1); return a + b;
    case '-': rt.int(Math.max(bits(a), bits(b)) + 1); return a - b;
    case '*': rt.int(bits(a) + bits(b)); return a * b;
    case '/': return toFloat(a) / toFloat(b);
    case '//': return (a - modulo(a, b)) / b;
    case '%': return modulo(a, b);
    default:
      if (b < 0n) return floats('**', toFloat(a), toFloat(b));
      if (a > 1n || a < -1n) rt.int(bits(a) * Number(b));
      return a ** b;
  }
}

const modulo = (a: bigint, b: bigint): bigint => ((a % b) + b) % b;

function floats(operator: string, a: number, b: number): number {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%')) return fail('float division by zero');
  switch (operator) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    case '%': return floatModulo(a, b);
    case '//': {
      const quotient = (a - floatModulo(a, b)) / b;
      const floor = Math.floor(quotient);
      return quotient - floor > 0.5 ? floor + 1 : floor;
    }
    default: {
      if (a === 0 && b < 0) return fail('0.0 cannot be raised to a negative power');
      if (a < 0 && Number.isFinite(a) && Number.isFinite(b) && !Number.isInteger(b)) return fail('complex numbers are not supported');
      if (a === 1 || (a === -1 && !Number.isFinite(b))) return 1; // JavaScript's power of infinity is NaN
      const power = a ** b;
      return Number.isFinite(a) && Number.isFinite(b) && !Number.isFinite(power) ? fail('Numerical result out of range') : power;
    }
  }
}

function floatModulo(a: number, b: number): number {
  const remainder = a % b;
  if (remainder === 0) return b < 0 ? -0 : 0;
  return remainder < 0 === b < 0 ? remainder : remainder + b;
}

/** `-value`, `+value`. */
export function signed(value: Value, negative: boolean): Value {
  if (value instanceof Undefined) return fail(value.message);
  if (typeof value === 'number') return negative ? -value : value;
  const int = intOf(value) ?? fail(`bad operand type for unary ${negative ? '-' : '+'}: '${typeName(value)}'`);
  return negative ? -int : int;
}

/** `value[start:stop:step]`. */
export function slice(rt: Runtime, value: Value, bound: readonly (Value | undefined)[]): Value {
  if (value instanceof Undefined) return fail(value.message);
  const text = textOf(value);
  const sequence =
    text !== undefined ? points(text) : isList(value) ? value : value instanceof Tuple ? value.items : value instanceof Range ? value : undefined;
  if (sequence === undefined) return fail(`'${typeName(value)}' object is not subscriptable`);
  const [start, stop, step] = bound.map((each) => (each === undefined || each === null ? undefined : toCount(each)));
  if (step === 0) return fail('slice step cannot be zero');
  const { from, to, count, by } = sliceIndices(sequence.length, start, stop, step);
  if (sequence instanceof Range) return new Range(sequence.at(from), sequence.at(to), sequence.step * BigInt(by));
  if (text !== undefined) rt.text(count);
  else rt.list(count);
  const wrap = (part: string): Value => (value instanceof Markup ? new Markup(part) : part);
  if (typeof sequence === 'string' && by === 1) return wrap(sequence.slice(from, from + count));
  const items = Array.from({ length: count }, (_, i) => sequence[from + i * by]);
  if (text !== undefined) return wrap(items.join(''));
  return value instanceof Tuple ? new Tuple(items) : items;
}

export function sliceIndices(
  length: number,
  start: number | undefined,
  stop: number | undefined,
  by = 1,
): { from: number; to: number; count: number; by: number } {
  const [low, high] = by > 0 ? [0, length] : [-1, length - 1];
  const within = (index: number | undefined, standard: number): number =>
    index === undefined ? standard : Math.max(low, Math.min(high, index < 0 ? index + length : index));
  const from = within(start, by > 0 ? low : high);
  const to = within(stop, by > 0 ? high : low);
  return { from, to, by, count: Math.max(0, Math.ceil((to - from) / by)) };
}

/** markupsafe's escape: Markup stays as it is. */
export function escapeHtml(rt: Runtime, value: Value): string {
  if (value instanceof Markup) return value.text;
  const text = str(rt, value);
  if (!/[&<>"']/.test(rt.plain(text))) return text;
  const escaped = rt.plain(text).replace(/[&<>"']/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;' })[character] ?? '&#39;');
  rt.text(escaped.length);
  return escaped;
}
