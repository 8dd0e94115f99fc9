// What every template can call: Jinja2's globals, and those that transformers adds.
import { operation } from './python/calls.ts';
import { copyDict, dictMethods } from './python/attributes.ts';
import { hashKey, iterate, toInt, toList } from './python/operators.ts';
import { bounds, type Runtime } from './python/runtime.ts';
import { plainOf, repr, str } from './python/spelling.ts';
import { strftime } from './python/strftime.ts';
import { type CallArguments, Callable, Dict, fail, Live, Namespace, Range, typeName, type Value } from './python/values.ts';

/** What a template raises by itself, in its own words. */
export class TemplateException extends Error {}

export function createGlobals(rt: Runtime): Record<string, Value> {
  const native = (name: string, signature: string, run: (...parameters: (Value | undefined)[]) => Value): Callable => {
    const bound = operation(signature, (_, __, ...parameters) => run(...parameters));
    return new Callable((given) => bound(rt, null, given), `<function ${name}>`);
  };
  return {
    range: native('range', '_start _stop? _step?', (start, stop, step) => range(start!, stop, step)),
    dict: new Callable((given) => toDict(rt, given), '<dict>', {
      fromkeys: new Callable((given) => dictMethods.fromkeys(rt, null, given), '<function fromkeys>'),
    }),
    namespace: new Callable((given) => createNamespace(rt, given), '<namespace>'),
    cycler: new Callable(({ args }) => cycler(args), '<cycler>'),
    joiner: native('joiner', 'sep?', (separator = ', ') => joiner(separator)),
    lipsum: new Callable(() => fail('random text has no place in a prompt'), '<function generate_lorem_ipsum>'),
    raise_exception: native('raise_exception', 'message', (message) => {
      throw new TemplateException(rt.plain(str(rt, message!)));
    }),
    strftime_now: native('strftime_now', 'format', (format) => {
      const text = plainOf(rt, format!) ?? fail(`strftime() argument 1 must be str, not ${typeName(format!)}`);
      rt.search(text.length, 64);
      return strftime(rt.now, text);
    }),
  };
}

function range(first: Value, second: Value | undefined, third: Value | undefined): Range {
  const [start, stop, step] = [second === undefined ? 0n : toInt(first), toInt(second ?? first), third === undefined ? 1n : toInt(third)];
  if (step === 0n) return fail('range() arg 3 must not be zero');
  const made = new Range(start, stop, step);
  return made.length <= bounds.listLength ? made : fail(`Range too big. The sandbox blocks ranges larger than ${bounds.listLength}.`);
}

function toDict(rt: Runtime, { args, kwargs }: CallArguments): Dict {
  if (args.length > 1) return fail(`dict expected at most 1 argument, got ${args.length}`);
  const [source] = args;
  const dict = source instanceof Dict ? copyDict(rt, source) : new Dict();
  if (source !== undefined && !(source instanceof Dict)) {
    for (const pair of iterate(rt, source)) {
      const [key, value, ...more] = toList(rt, pair);
      if (value === undefined || more.length) return fail('dictionary update sequence has an element that is no pair');
      dict.set(hashKey(rt, key), key, value);
    }
  }
  for (const [name, value] of kwargs) dict.set(`s${name}`, name, value);
  return dict;
}

function createNamespace(rt: Runtime, given: CallArguments): Namespace {
  const attributes = new Map<string, Value>();
  for (const [key, value] of toDict(rt, given).entries()) {
    const name = plainOf(rt, key) ?? repr(rt, key);
    if (name.startsWith('_')) return fail(`Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'.`);
    attributes.set(name, value);
  }
  return new Namespace(attributes);
}

function cycler(items: readonly Value[]): Live {
  if (!items.length) return fail('at least one item has to be provided');
  let at = 0;
  const next = (): Value => {
    const item = items[at];
    at = (at + 1) % items.length;
    return item;
  };
  const reset = (): Value => {
    at = 0;
    return null;
  };
  const attributes: Record<string, () => Value> = {
    next: () => new Callable(next, '<bound method Cycler.next>'), reset: () => new Callable(reset, '<bound method Cycler.reset>'),
    current: () => items[at], pos: () => BigInt(at), items: () => items,
  };
  return new Live((name) => (Object.hasOwn(attributes, name) ? attributes[name]() : undefined), () => '<Cycler>');
}

function joiner(separator: Value): Live {
  let used = false;
  const call = (): Value => {
    if (used) return separator;
    used = true;
    return '';
  };
  return new Live((name) => (name === 'sep' ? separator : name === 'used' ? used : undefined), () => '<Joiner>', { call });
}


