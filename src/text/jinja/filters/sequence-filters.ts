// Filters on lists and other sequences. Those that Jinja2 writes as generators compute as they are read.
import { type Operation, operation } from '../python/calls.ts';
import { itemOf } from '../python/attributes.ts';
import { arithmetic, compare, equals, hashKey, iterate, iteratorOf, lengthOf, toCount, toList, truthy } from '../python/operators.ts';
import { type Runtime } from '../python/runtime.ts';
import { plainOf, str } from '../python/spelling.ts';
import { join } from '../python/strings.ts';
import {
  type CallArguments,
  Dict,
  fail,
  isList,
  Lazy,
  Markup,
  present,
  Range,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from '../python/values.ts';

type Key = (item: Value) => Value;

export const sequenceFilters: Readonly<Record<string, Operation>> = {
  batch: operation('linecount fill_with?', (rt, value, count, fill = null) => new Lazy(batch(rt, value, count!, fill))),
  dictsort: operation('case_sensitive? by? reverse?', (rt, value, sensitive = false, by = 'key', reverse = false) => {
    const part = ['key', 'value'].indexOf(plainOf(rt, by) ?? '');
    if (part < 0) return fail('You can only sort by either "key" or "value"');
    if (!(value instanceof Dict)) return fail(`'${typeName(value)}' object has no attribute 'items'`);
    const items = Array.from(value.entries(), ([key, each]) => new Tuple([key, each]));
    return sort(rt, items, (item) => folded(rt, (item as Tuple).items[part], truthy(sensitive)), truthy(reverse));
  }),
  first: operation('', (rt, value) => {
    for (const item of iterate(rt, value)) return item;
    return new Undefined('No first item, sequence was empty.');
  }),
  groupby: operation('attribute default? case_sensitive?', (rt, value, attribute, standard = null, sensitive = false) =>
    groupBy(rt, value, attribute!, standard, truthy(sensitive)),
  ),
  items: operation('', (_, value) => new Lazy(items(value))),
  join: operation('d? attribute?', (rt, value, separator = '', attribute = null) => {
    const source = attribute === null ? value : new Lazy(mapped(rt, value, attributeGetter(rt, attribute)));
    return join(rt, str(rt, separator), new Lazy(mapped(rt, source, (item) => str(rt, item))));
  }),
  last: operation('', (rt, value) => {
    const reversed = reverse(rt, value) ?? fail(`'${typeName(value)}' object is not reversible`);
    const { value: last, done } = reversed.next();
    return done ? new Undefined('No last item, sequence was empty.') : last;
  }),
  list: operation('', (rt, value) => toList(rt, value)),
  map: (rt, value, given) => new Lazy(map(rt, value, given)),
  max: operation('case_sensitive? attribute?', (rt, value, sensitive = false, attribute = null) => extreme(rt, value, truthy(sensitive), attribute, -1)),
  min: operation('case_sensitive? attribute?', (rt, value, sensitive = false, attribute = null) => extreme(rt, value, truthy(sensitive), attribute, 1)),
  random: operation('', (rt, value) => {
    const length = lengthOf(value) ?? fail(`object of type '${typeName(value)}' has no len()`);
    return length ? itemOf(rt, value, BigInt(Math.floor(Math.random() * length))) : new Undefined('No random item, sequence was empty.');
  }),
  reject: (rt, value, given) => new Lazy(select(rt, value, given, false, false)),
  rejectattr: (rt, value, given) => new Lazy(select(rt, value, given, true, false)),
  reverse: operation('', (rt, value) => {
    const text = textOf(value);
    if (text !== undefined) return value instanceof Markup ? new Markup([...text].reverse().join('')) : [...text].reverse().join('');
    const reversed = reverse(rt, value);
    if (reversed) return new Lazy(reversed, isList(value) ? 'list_reverseiterator' : 'reversed');
    return iteratorOf(value) ? toList(rt, value).reverse() : fail('argument must be iterable');
  }),
  select: (rt, value, given) => new Lazy(select(rt, value, given, false, true)),
  selectattr: (rt, value, given) => new Lazy(select(rt, value, given, true, true)),
  slice: operation('slices fill_with?', (rt, value, count, fill = null) => new Lazy(slices(rt, value, count!, fill))),
  sort: operation('reverse? case_sensitive? attribute?', (rt, value, backwards = false, sensitive = false, attribute = null) => {
    const names = textOf(attribute) === undefined ? [attribute] : rt.plain(textOf(attribute)!).split(',');
    const getters = names.map((name) => attributeGetter(rt, name));
    return sort(rt, toList(rt, value), (item) => getters.map((get) => folded(rt, get(item), truthy(sensitive))), truthy(backwards));
  }),
  sum: operation('attribute? start?', (rt, value, attribute = null, start = 0n) => {
    if (textOf(start) !== undefined) return fail("sum() can't sum strings [use ''.join(seq) instead]");
    const get = attributeGetter(rt, attribute);
    let sum = start;
    for (const item of iterate(rt, value)) sum = arithmetic(rt, '+', sum, attribute === null ? item : get(item));
    return sum;
  }),
  unique: operation(
    'case_sensitive? attribute?',
    (rt, value, sensitive = false, attribute = null) => new Lazy(unique(rt, value, truthy(sensitive), attribute)),
  ),
};

/** Without regard to case, unless told otherwise. */
function folded(rt: Runtime, value: Value, sensitive: boolean): Value {
  const text = sensitive ? undefined : plainOf(rt, value);
  if (text === undefined) return value;
  rt.text(text.length);
  return text.toLowerCase();
}

/** Follows `a.b.0` from item to item. A standard stands for what is undefined on the way. */
function attributeGetter(rt: Runtime, attribute: Value, standard: Value = null): Key {
  const path = plainOf(rt, attribute);
  const keys: Value[] =
    attribute === null ? [] : path === undefined ? [attribute] : path.split('.').map((part) => (/^\p{Nd}+$/u.test(part) ? BigInt(part) : part));
  return (item) => {
    let value = item;
    for (const key of keys) {
      value = itemOf(rt, value, key);
      if (standard !== null && value instanceof Undefined) value = standard;
    }
    return value;
  };
}

/** Stable, as Python's. */
function sort(rt: Runtime, list: readonly Value[], key: Key, backwards: boolean): Value[] {
  const keyed = list.map((item) => ({ item, key: key(item) }));
  const sorted = [...keyed].sort((a, b) => compare(rt, a.key, b.key) * (backwards ? -1 : 1));
  return sorted.map(({ item }) => item);
}

function groupBy(rt: Runtime, value: Value, attribute: Value, standard: Value, sensitive: boolean): Value[] {
  const get = attributeGetter(rt, attribute, standard);
  const key: Key = (item) => folded(rt, get(item), sensitive);
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sort(rt, toList(rt, value), key, false)) {
    const own = key(item);
    if (groups.length && equals(rt, groups.at(-1)!.key, own)) groups.at(-1)!.items.push(item);
    else groups.push({ key: own, items: [item] });
  }
  return groups.map((group) => new Tuple([sensitive ? group.key : get(group.items[0]), group.items], ['grouper', 'list']));
}

/** `sign` 1: the least, -1: the greatest; of equal ones the first. */
function extreme(rt: Runtime, value: Value, sensitive: boolean, attribute: Value, sign: number): Value {
  const get = attributeGetter(rt, attribute);
  let best: { item: Value; key: Value } | undefined;
  for (const item of iterate(rt, value)) {
    const key = folded(rt, get(item), sensitive);
    if (!best || compare(rt, key, best.key) * sign < 0) best = { item, key };
  }
  return best ? best.item : new Undefined('No aggregated item, sequence was empty.');
}

/** Python's reversed, undefined where it raises. */
function reverse(rt: Runtime, value: Value): Iterator<Value> | undefined {
  const reversible =
    textOf(value) !== undefined ||
    isList(value) ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof View ||
    value instanceof Range ||
    value instanceof Undefined;
  if (!reversible) return undefined;
  const list = toList(rt, value).reverse();
  return (value instanceof Markup ? list.map((item) => new Markup(item as string)) : list)[Symbol.iterator]();
}

function* mapped(rt: Runtime, value: Value, map: Key): Generator<Value> {
  for (const item of iterate(rt, value)) yield map(item);
}

function* items(value: Value): Generator<Value> {
  if (value instanceof Undefined) return;
  if (!(value instanceof Dict)) return fail('Can only get item pairs from a mapping.');
  for (const pair of value.entries()) yield new Tuple(pair);
}

function* map(rt: Runtime, value: Value, { args, kwargs }: CallArguments): Generator<Value> {
  if (!truthy(value)) return;
  let change: Key;
  if (!args.length && kwargs.has('attribute')) {
    const other = [...kwargs.keys()].find((name) => name !== 'attribute' && name !== 'default');
    if (other !== undefined) return fail(`Unexpected keyword argument '${other}'`);
    change = attributeGetter(rt, kwargs.get('attribute')!, kwargs.get('default') ?? null);
  } else {
    const [first, ...rest] = args;
    const filter = named(rt, present(first, () => fail('map requires a filter argument')), 'filter');
    change = (item) => filter()(rt, item, { args: rest, kwargs });
  }
  yield* mapped(rt, value, change);
}

function* select(rt: Runtime, value: Value, { args, kwargs }: CallArguments, byAttribute: boolean, wanted: boolean): Generator<Value> {
  if (!truthy(value)) return;
  const get: Key = byAttribute ? attributeGetter(rt, present(args[0], () => fail('Missing parameter for attribute name'))) : (item) => item;
  const [test, ...rest] = byAttribute ? args.slice(1) : args;
  const run = test === undefined ? undefined : named(rt, test, 'test');
  for (const item of iterate(rt, value)) {
    const chosen = get(item);
    if (truthy(run ? run()(rt, chosen, { args: rest, kwargs }) : chosen) === wanted) yield item;
  }
}

/** Looked up when the first item needs it: what does not exist raises then. */
function named(rt: Runtime, name: Value, kind: 'filter' | 'test'): () => Operation {
  const text = plainOf(rt, name);
  return () => (text !== undefined && Object.hasOwn(rt.operations[kind], text) ? rt.operations[kind][text] : fail(`No ${kind} named '${text}'.`));
}

function* batch(rt: Runtime, value: Value, count: Value, fill: Value): Generator<Value> {
  let line: Value[] = [];
  for (const item of iterate(rt, value)) {
    if (equals(rt, BigInt(line.length), count)) {
      yield line;
      line = [];
    }
    line.push(item);
  }
  if (!line.length) return;
  if (fill !== null && compare(rt, BigInt(line.length), count) < 0) {
    rt.list(toCount(count));
    while (line.length < toCount(count)) line.push(fill);
  }
  yield line;
}

function* slices(rt: Runtime, value: Value, count: Value, fill: Value): Generator<Value> {
  const list = toList(rt, value);
  const number = toCount(count);
  if (number === 0) return fail('integer division or modulo by zero');
  const size = Math.floor(list.length / number);
  const longer = list.length - size * number;
  let offset = 0;
  for (let i = 0; i < number; i++) {
    rt.step();
    const start = offset + i * size;
    if (i < longer) offset++;
    const part = list.slice(start, offset + (i + 1) * size);
    if (fill !== null && i >= longer) part.push(fill);
    yield part;
  }
}

function* unique(rt: Runtime, value: Value, sensitive: boolean, attribute: Value): Generator<Value> {
  const get = attributeGetter(rt, attribute);
  const seen = new Set<unknown>();
  for (const item of iterate(rt, value)) {
    const key = hashKey(rt, folded(rt, get(item), sensitive));
    if (seen.has(key)) continue;
    seen.add(key);
    yield item;
  }
}
