// The values of a template, as Python has them: an int is a bigint, a float is a number, a str is a string, a list is an
// array, None is null. What they do is in operators.ts.

/** What Python or Jinja2 would raise, in their words where those help. */
export class JinjaError extends Error {}
export class SyntaxFailure extends JinjaError {}

export const fail = (message: string): never => {
  throw new JinjaError(message);
};

/** A str that counts as safe in HTML: what is joined to it is escaped. */
export class Markup {
  constructor(readonly text: string) {}
}

export class Undefined {
  /** `message` is what using it raises. */
  constructor(readonly message: string) {}
}

export class Tuple {
  /** `names` of a named tuple. */
  constructor(readonly items: readonly Value[], readonly names: readonly string[] = []) {}
}

/** A dict: in order of insertion, with equal numbers as one key. */
export class Dict {
  readonly #entries = new Map<unknown, readonly [key: Value, value: Value]>();

  /** `key` is what hashKey makes of the key. */
  get(key: unknown): Value | undefined {
    return this.#entries.get(key)?.[1];
  }

  has(key: unknown): boolean {
    return this.#entries.has(key);
  }

  set(key: unknown, name: Value, value: Value): void {
    this.#entries.set(key, [this.#entries.get(key)?.[0] ?? name, value]);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Hash keys with their entries. */
  hashed(): IterableIterator<[unknown, readonly [key: Value, value: Value]]> {
    return this.#entries.entries();
  }

  entries(): IterableIterator<readonly [key: Value, value: Value]> {
    return this.#entries.values();
  }
}

/** dict.keys(), dict.values() and dict.items(). */
export class View {
  constructor(readonly part: 'keys' | 'values' | 'items', readonly dict: Dict) {}
}

export class Range {
  constructor(readonly start: bigint, readonly stop: bigint, readonly step: bigint) {}

  get length(): number {
    const span = this.step > 0n ? this.stop - this.start : this.start - this.stop;
    const size = this.step > 0n ? this.step : -this.step;
    return span <= 0n ? 0 : Number((span + size - 1n) / size);
  }

  at(index: number): bigint {
    return this.start + this.step * BigInt(index);
  }
}

/** A generator: can be read once, and computes as it is read. */
export class Lazy {
  constructor(readonly iterator: Iterator<Value, unknown>, readonly name = 'generator') {}
}

export class Namespace {
  constructor(readonly attributes: Map<string, Value>) {}
}

export interface CallArguments {
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
}

/** What can be called: methods, macros, global functions. */
export class Callable {
  /** `attributes` are those that templates may read; `shown` is how it prints. */
  constructor(readonly call: (given: CallArguments) => Value, readonly shown: string, readonly attributes: Readonly<Record<string, Value>> = {}) {}
}

/** An object with attributes computed when they are read: `loop` and `cycler`. */
export class Live {
  constructor(
    readonly attribute: (name: string) => Value | undefined,
    readonly shown: () => string,
    readonly more: { readonly length?: () => number; readonly call?: Callable['call']; readonly iterator?: () => Iterator<Value> } = {},
  ) {}
}

export type Value =
  null | boolean | bigint | number | string | Markup | Undefined | readonly Value[] | Tuple | Dict | View | Range | Lazy | Namespace | Callable | Live;

/** The value, or another where there is none: `??` would take None for none. */
export const present = (value: Value | undefined, otherwise: () => Value): Value => (value === undefined ? otherwise() : value);

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
/** Of a str: Markup is one. */
export const textOf = (value: Value): string | undefined => (typeof value === 'string' ? value : value instanceof Markup ? value.text : undefined);

/** The name of the type in Python, for messages. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value !== 'object')
    return { boolean: 'bool', bigint: 'int', number: 'float', string: 'str' }[typeof value as 'boolean' | 'bigint' | 'number' | 'string'];
  if (value instanceof View) return `dict_${value.part}`;
  if (value instanceof Lazy) return value.name;
  if (value instanceof Tuple) return value.names.length ? '_GroupTuple' : 'tuple';
  if (isList(value)) return 'list';
  const names = [[Dict, 'dict'], [Range, 'range'], [Markup, 'Markup'], [Undefined, 'Undefined'], [Namespace, 'Namespace'], [Callable, 'function']] as const;
  return names.find(([type]) => value instanceof type)?.[1] ?? 'object';
}

/** A value of JavaScript, as JSON has them: numbers without a fraction become ints. */
export function toValue(content: unknown): Value {
  if (content === null || content === undefined) return null;
  if (typeof content === 'number') return Number.isInteger(content) ? BigInt(content) : content;
  if (typeof content === 'string' || typeof content === 'boolean' || typeof content === 'bigint') return content;
  if (content instanceof Callable) return content;
  if (Array.isArray(content)) return content.map(toValue);
  if (typeof content !== 'object') return fail(`a ${typeof content} has no place in a template`);
  const dict = new Dict();
  for (const [key, value] of Object.entries(content)) if (value !== undefined) dict.set(`s${key}`, key, toValue(value));
  return dict;
}
