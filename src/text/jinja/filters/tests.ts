// The tests of `is`, and of select and its kind.
import { type Operation, operation } from '../python/calls.ts';
import { modulo } from '../python/format.ts';
import { compare, contains, equals, hashKey, isNumber, iteratorOf, lengthOf } from '../python/operators.ts';
import { type Runtime } from '../python/runtime.ts';
import { str } from '../python/spelling.ts';
import { isLower, isUpper } from '../python/unicode.ts';
import { Callable, Dict, Live, Markup, textOf, Undefined, type Value, View } from '../python/values.ts';

const test = (run: (rt: Runtime, value: Value) => boolean): Operation => operation('', run);
const comparison = (run: (rt: Runtime, value: Value, other: Value) => boolean): Operation => operation('_other', (rt, value, other) => run(rt, value, other!));

const equal = comparison(equals);
const unequal = comparison((rt, a, b) => !equals(rt, a, b));
const less = comparison((rt, a, b) => compare(rt, a, b, '<') < 0);
const lessOrEqual = comparison((rt, a, b) => compare(rt, a, b, '<=') <= 0);
const greater = comparison((rt, a, b) => compare(rt, a, b, '>') > 0);
const greaterOrEqual = comparison((rt, a, b) => compare(rt, a, b, '>=') >= 0);
const exists = (kind: 'filter' | 'test'): Operation =>
  test((rt, value) => typeof hashKey(rt, value) === 'string' && Object.hasOwn(rt.operations[kind], rt.plain(textOf(value) ?? '')));
const isSequence = (value: Value): boolean => lengthOf(value) !== undefined && !(value instanceof View) && !(value instanceof Live);

export const tests: Readonly<Record<string, Operation>> = {
  boolean: test((_, value) => typeof value === 'boolean'),
  callable: test((_, value) => value instanceof Callable || value instanceof Undefined || (value instanceof Live && value.more.call !== undefined)),
  defined: test((_, value) => !(value instanceof Undefined)),
  divisibleby: operation('num', (rt, value, by) => equals(rt, modulo(rt, value, by!), 0n)),
  escaped: test((_, value) => value instanceof Markup),
  even: test((rt, value) => equals(rt, modulo(rt, value, 2n), 0n)),
  false: test((_, value) => value === false),
  filter: exists('filter'),
  float: test((_, value) => typeof value === 'number'),
  in: operation('seq', (rt, value, container) => contains(rt, container!, value)),
  integer: test((_, value) => typeof value === 'bigint'),
  iterable: test((_, value) => iteratorOf(value) !== undefined),
  lower: test((rt, value) => isLower(rt.plain(str(rt, value)))),
  mapping: test((_, value) => value instanceof Dict),
  none: test((_, value) => value === null),
  number: test((_, value) => isNumber(value)),
  odd: test((rt, value) => equals(rt, modulo(rt, value, 2n), 1n)),
  sameas: operation('other', (_, value, other) => value === other),
  sequence: test((_, value) => isSequence(value)),
  string: test((_, value) => textOf(value) !== undefined),
  test: exists('test'),
  true: test((_, value) => value === true),
  undefined: test((_, value) => value instanceof Undefined),
  upper: test((rt, value) => isUpper(rt.plain(str(rt, value)))),
  '==': equal, eq: equal, equalto: equal,
  '!=': unequal, ne: unequal,
  '<': less, lt: less, lessthan: less,
  '<=': lessOrEqual, le: lessOrEqual,
  '>': greater, gt: greater, greaterthan: greater,
  '>=': greaterOrEqual, ge: greaterOrEqual,
};
