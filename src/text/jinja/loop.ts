// The variable `loop`, which looks ahead only as far as it is asked to.
import { equals, lengthOf } from './python/operators.ts';
import { type Runtime } from './python/runtime.ts';
import { Callable, fail, Live, present, Undefined, type Value } from './python/values.ts';

export interface Loop {
  readonly variable: Live;
  /** The next item, or undefined after the last. */
  next(): Value | undefined;
}

/** `render` runs the loop's body over other items, one level deeper; undefined if the loop is not recursive. */
export function createLoop(rt: Runtime, iterable: Value, iterator: Iterator<Value>, depth0: number, render: ((items: Value) => Value) | undefined): Loop {
  let index0 = -1;
  let ahead: IteratorResult<Value> | undefined;
  let length: number | undefined = lengthOf(iterable);
  let rest = iterator;
  let [before, current]: (Value | undefined)[] = [];
  let changing: readonly Value[] | undefined;

  const peek = (): Value | undefined => {
    ahead ??= rest.next();
    return ahead.done ? undefined : ahead.value;
  };
  /** Of what has no length: by reading it to its end. */
  const count = (): number => {
    if (length !== undefined) return length;
    const next = peek();
    const others: Value[] = [];
    for (let each = next === undefined ? undefined : rest.next(); each && !each.done; each = rest.next()) {
      rt.step();
      others.push(each.value);
    }
    rest = others[Symbol.iterator]();
    length = index0 + 1 + (next === undefined ? 0 : 1) + others.length;
    return length;
  };
  const changed = (given: readonly Value[]): boolean => {
    const same = changing?.length === given.length && given.every((value, i) => equals(rt, value, changing![i]));
    changing = given;
    return !same;
  };
  const attributes: Record<string, () => Value> = {
    index: () => BigInt(index0 + 1),
    index0: () => BigInt(index0),
    first: () => index0 === 0,
    last: () => peek() === undefined,
    length: () => BigInt(count()),
    revindex: () => BigInt(count() - index0),
    revindex0: () => BigInt(count() - index0 - 1),
    depth: () => BigInt(depth0 + 1),
    depth0: () => BigInt(depth0),
    previtem: () => (index0 > 0 ? before! : new Undefined('there is no previous item')),
    nextitem: () => present(peek(), () => new Undefined('there is no next item')),
    cycle: () =>
      new Callable(({ args }) => (args.length ? args[index0 % args.length] : fail('no items for cycling given')), '<bound method LoopContext.cycle>'),
    changed: () => new Callable(({ args }) => changed(args), '<bound method LoopContext.changed>'),
  };

  const next = (): Value | undefined => {
    const { done, value } = ahead ?? rest.next();
    ahead = undefined;
    if (done) return undefined;
    index0++;
    [before, current] = [current, value];
    return value;
  };
  const variable = new Live(
    (name) => (Object.hasOwn(attributes, name) ? attributes[name]() : undefined),
    () => `<LoopContext ${index0 + 1}/${count()}>`,
    {
      length: count,
      call: ({ args }) =>
        render ? render(present(args[0], () => fail('loop() needs the items'))) : fail("The loop must have the 'recursive' marker to be called recursively."),
      iterator: () => ({
        next: () => {
          const value = next();
          return value === undefined ? { done: true, value: undefined } : { done: false, value };
        },
      }),
    },
  );
  return { variable, next };
}
