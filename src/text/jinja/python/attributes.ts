// What `value.name` and `value[key]` are, as in Jinja2's sandbox: names that begin with _ and methods that would change
// the value are undefined.
import { method, noArguments, type Operation, operation } from './calls.ts';
import { entries, equals, hashKey, intOf, iterate, toCount } from './operators.ts';
import { type Runtime } from './runtime.ts';
import { type Lookup, strFormat } from './format.ts';
import { plainOf, repr } from './spelling.ts';
import { strMethods } from './strings.ts';
import { points } from './unicode.ts';
import { Callable, Dict, fail, isList, Lazy, Live, Markup, Namespace, present, Range, textOf, Tuple, typeName, Undefined, type Value, View } from './values.ts';

/** `value.name`: an attribute if there is one, else the item of that name. */
export function attributeOf(rt: Runtime, value: Value, name: string): Value {
  if (value instanceof Undefined) return fail(value.message);
  return present(ownAttribute(rt, value, rt.plain(name)), () => present(item(rt, value, name), () => missing(value, name)));
}

/** `value[key]`: an item if there is one, else the attribute of that name. */
export function itemOf(rt: Runtime, value: Value, key: Value): Value {
  if (value instanceof Undefined) return fail(value.message);
  const found = item(rt, value, key);
  if (found !== undefined) return found;
  const name = textOf(key);
  return present(name === undefined ? undefined : ownAttribute(rt, value, rt.plain(name)), () => missing(value, name ?? repr(rt, key)));
}

const missing = (value: Value, name: string): Undefined => new Undefined(`'${typeName(value)} object' has no attribute '${name}'`);

/** Undefined where Python raises a TypeError or LookupError. */
function item(rt: Runtime, value: Value, key: Value): Value | undefined {
  if (value instanceof Dict) return unhashable(key) ? undefined : value.get(hashKey(rt, key));
  const text = textOf(value);
  const sequence = text !== undefined ? text : isList(value) ? value : value instanceof Tuple ? value.items : value instanceof Range ? value : undefined;
  if (sequence === undefined || intOf(key) === undefined) return undefined;
  const indexed = typeof sequence === 'string' ? points(sequence) : sequence;
  const index = toCount(key);
  const at = index < 0 ? index + indexed.length : index;
  if (at < 0 || at >= indexed.length) return undefined;
  if (indexed instanceof Range) return indexed.at(at);
  return value instanceof Markup ? new Markup(indexed[at] as string) : indexed[at];
}

function unhashable(key: Value): boolean {
  return isList(key) || key instanceof Dict || (key instanceof Tuple && key.items.some(unhashable));
}

const lookup = (rt: Runtime): Lookup => ({ attribute: (object, name) => attributeOf(rt, object, name), item: (object, key) => itemOf(rt, object, key) });

const textMethods: Readonly<Record<string, Operation>> = {
  ...strMethods,
  format: (rt, value, given) => strFormat(rt, value, given, lookup(rt)),
  format_map: operation('_mapping', (rt, value, mapping) => {
    const pairs = mapping instanceof Dict ? [...mapping.entries()] : fail('a mapping is needed');
    return strFormat(rt, value, { args: [], kwargs: new Map(pairs.map(([key, each]) => [plainOf(rt, key) ?? '', each])) }, lookup(rt));
  }),
};

/** The names of Python's own that every object has: never to be used. */
const internal =
  /^__(class|doc|init|new|repr|str|hash|dir|format|eq|ne|lt|le|gt|ge|getattribute|setattr|delattr|reduce|reduce_ex|sizeof|subclasshook|init_subclass)__$/;

/** What Python's getattr finds and the sandbox lets through; an unsafe one is undefined and hides an item. */
export function ownAttribute(rt: Runtime, value: Value, name: string): Value | undefined {
  if (name.startsWith('_')) return internal.test(name) ? new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe.`) : undefined;
  if (value instanceof Namespace) return value.attributes.get(name);
  if (value instanceof Live) return value.attribute(name);
  if (value instanceof Callable) return Object.hasOwn(value.attributes, name) ? value.attributes[name] : undefined;
  if (value instanceof Tuple && value.names.includes(name)) return value.items[value.names.indexOf(name)];
  const changing = isList(value) ? listChanges : value instanceof Dict ? dictChanges : undefined;
  if (changing?.has(name)) return new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe.`);
  const methods = methodsOf(value);
  if (methods && Object.hasOwn(methods, name)) return method(rt, value, name, methods[name]);
  const properties = propertiesOf(value);
  return properties && Object.hasOwn(properties, name) ? properties[name]() : undefined;
}

const listChanges = new Set(['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove']);
const dictChanges = new Set(['clear', 'pop', 'popitem', 'setdefault', 'update']);

function methodsOf(value: Value): Readonly<Record<string, Operation>> | undefined {
  if (textOf(value) !== undefined) return value instanceof Markup ? markupMethods : textMethods;
  if (typeof value === 'number') return floatMethods;
  if (intOf(value) !== undefined) return intMethods;
  if (isList(value)) return listMethods;
  if (value instanceof Dict) return dictMethods;
  if (value instanceof Tuple || value instanceof Range) return sequenceMethods;
  return value instanceof View ? viewMethods : value instanceof Lazy ? lazyMethods : undefined;
}

const sequenceMethods: Readonly<Record<string, Operation>> = {
  count: operation('_value', (rt, value, sought) => BigInt(Array.from(iterate(rt, value)).filter((each) => equals(rt, each, sought!)).length)),
  index: operation('_value _start? _stop?', (rt, value, sought, start = 0n, stop) => {
    const items = [...iterate(rt, value)];
    const within = (index: number): number => Math.max(0, index < 0 ? index + items.length : index);
    const end = stop === undefined ? items.length : Math.min(items.length, within(toCount(stop)));
    for (let i = within(toCount(start)); i < end; i++) if (equals(rt, items[i], sought!)) return BigInt(i);
    return fail(`${repr(rt, sought!)} is not in ${typeName(value)}`);
  }),
};

const listMethods: Readonly<Record<string, Operation>> = { ...sequenceMethods, copy: operation('', (_, value) => [...(value as Value[])]) };

export const dictMethods: Readonly<Record<string, Operation>> = {
  get: operation('_key _default?', (rt, value, key, standard = null) => present((value as Dict).get(hashKey(rt, key!)), () => standard)),
  keys: operation('', (_, value) => new View('keys', value as Dict)),
  values: operation('', (_, value) => new View('values', value as Dict)),
  items: operation('', (_, value) => new View('items', value as Dict)),
  copy: operation('', (rt, value) => copyDict(rt, value as Dict)),
  fromkeys: operation('_keys _value?', (rt, _, keys, value = null) => {
    const dict = new Dict();
    for (const key of iterate(rt, keys!)) dict.set(hashKey(rt, key), key, value);
    return dict;
  }),
};

export function copyDict(rt: Runtime, dict: Dict): Dict {
  rt.list(dict.size);
  const copy = new Dict();
  for (const [hashed, [key, value]] of dict.hashed()) copy.set(hashed, key, value);
  return copy;
}

const viewMethods: Readonly<Record<string, Operation>> = {
  isdisjoint: operation('_other', (rt, value, other) => {
    const own = [...entries(value as View)];
    for (const each of iterate(rt, other!)) if (own.some((item) => equals(rt, item, each))) return false;
    return true;
  }),
};

const lazyMethods: Readonly<Record<string, Operation>> = { close: operation('', (_, value) => {
    (value as Lazy).iterator.return?.();
    return null;
  }) };

const intMethods: Readonly<Record<string, Operation>> = {
  bit_length: operation('', (_, value) => BigInt(intOf(value) === 0n ? 0 : intOf(value)!.toString(2).replace('-', '').length)),
  bit_count: operation('', (_, value) => BigInt(intOf(value)!.toString(2).replace(/[^1]/g, '').length)),
  conjugate: operation('', (_, value) => intOf(value)!),
  as_integer_ratio: operation('', (_, value) => new Tuple([intOf(value)!, 1n])),
};

const floatMethods: Readonly<Record<string, Operation>> = {
  is_integer: operation('', (_, value) => Number.isInteger(value)),
  conjugate: operation('', (_, value) => value),
};

function propertiesOf(value: Value): Readonly<Record<string, () => Value>> | undefined {
  if (typeof value === 'number') return { real: () => value, imag: () => 0 };
  if (intOf(value) !== undefined) return { real: () => intOf(value)!, imag: () => 0n, numerator: () => intOf(value)!, denominator: () => 1n };
  return value instanceof Range ? { start: () => value.start, stop: () => value.stop, step: () => value.step } : undefined;
}

const unescapes: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&#34;': '"', '&quot;': '"', '&#39;': "'", '&nbsp;': '\xa0' };

const markupMethods: Readonly<Record<string, Operation>> = {
  ...textMethods,
  unescape: operation('', (rt, value) => unescapeHtml(rt.plain(textOf(value)!))),
  striptags: operation('', (rt, value) => stripTags(rt, textOf(value)!)),
};

const unescapeHtml = (text: string): string =>
  text.replace(
    /&(?:amp|lt|gt|quot|nbsp|#\d{1,7}|#x[\da-f]{1,6});/gi,
    (entity) =>
      unescapes[entity] ??
      (/^&#x/i.test(entity) ? character(parseInt(entity.slice(3), 16)) : entity.startsWith('&#') ? character(parseInt(entity.slice(2), 10)) : entity),
  );

const character = (point: number): string => (point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');

/** Without comments, tags and doubled white space. */
export function stripTags(rt: Runtime, text: string): string {
  let plain = rt.plain(text);
  rt.search(text.length, 64);
  for (const [open, close] of [['<!--', '-->'], ['<', '>']]) {
    let out = '';
    let from = 0;
    for (let start = plain.indexOf(open); start >= 0; start = plain.indexOf(open, from)) {
      const end = plain.indexOf(close, start);
      if (end < 0) break;
      out += plain.slice(from, start);
      from = end + close.length;
    }
    plain = out + plain.slice(from);
  }
  return unescapeHtml((strMethods.split(rt, plain, noArguments) as string[]).join(' '));
}
