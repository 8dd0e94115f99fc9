// The filters of Jinja2, with transformers' tojson: a table of names. Those on texts are in text-filters.ts, those on
// sequences in sequence-filters.ts.
import { type Operation, operation } from '../python/calls.ts';
import { attributeOf, ownAttribute } from '../python/attributes.ts';
import { divideToEven, readFloat, readInt, roundFloat } from '../python/decimal.ts';
import { toJson } from '../python/json.ts';
import { arithmetic, intOf, isNumber, len, toCount, toFloat, toInt, truthy } from '../python/operators.ts';
import { type Runtime } from '../python/runtime.ts';
import { sequenceFilters } from './sequence-filters.ts';
import { plainOf } from '../python/spelling.ts';
import { textFilters } from './text-filters.ts';
import { fail, present, typeName, Undefined, type Value } from '../python/values.ts';

const standard = operation('default_value? boolean?', (_, value, given = '', boolean = false) =>
  value instanceof Undefined || (truthy(boolean) && !truthy(value)) ? given : value,
);
const length = operation('', (_, value) => len(value));

export const filters: Readonly<Record<string, Operation>> = {
  ...textFilters,
  ...sequenceFilters,
  abs: operation('', (_, value) =>
    value instanceof Undefined
      ? fail(value.message)
      : typeof value === 'number'
        ? Math.abs(value)
        : absolute(intOf(value) ?? fail(`bad operand type for abs(): '${typeName(value)}'`)),
  ),
  attr: operation('name', (rt, value, name) => {
    const text = plainOf(rt, name!) ?? fail('attribute name must be a string');
    if (value instanceof Undefined) return attributeOf(rt, value, text);
    return present(ownAttribute(rt, value, text), () => new Undefined(`'${typeName(value)} object' has no attribute '${text}'`));
  }),
  count: length,
  d: standard,
  default: standard,
  float: operation('default?', (rt, value, given = 0) => floatOf(rt, value) ?? given),
  int: operation('default? base?', (rt, value, given = 0n, base = 10n) => intFrom(rt, value, base) ?? given),
  length,
  round: operation('precision? method?', (rt, value, precision = 0n, method = 'common') => round(rt, value, precision, plainOf(rt, method))),
  tojson: operation('ensure_ascii? indent? separators? sort_keys?', (rt, value, ...options) => toJson(rt, value, ...options)),
};

const absolute = (value: bigint): bigint => (value < 0n ? -value : value);

/** Python's float(value); undefined where it raises a TypeError or ValueError. */
function floatOf(rt: Runtime, value: Value): number | undefined {
  if (value instanceof Undefined) return fail(value.message);
  const text = plainOf(rt, value);
  return text !== undefined ? readFloat(text) : isNumber(value) ? toFloat(value) : undefined;
}

function intFrom(rt: Runtime, value: Value, base: Value): bigint | undefined {
  if (value instanceof Undefined) return fail(value.message);
  const text = plainOf(rt, value);
  if (text !== undefined) {
    rt.int(text.length * 4);
    const radix = toCount(base);
    const read = radix === 0 || (radix >= 2 && radix <= 36) ? readInt(text, radix) : undefined;
    if (read !== undefined) return read;
  } else if (intOf(value) !== undefined) return intOf(value);
  const float = floatOf(rt, value);
  return float === undefined || !Number.isFinite(float)
    ? typeof value === 'number' && Math.abs(value) === Infinity
      ? fail('cannot convert float infinity to integer')
      : undefined
    : BigInt(Math.trunc(float));
}

function round(rt: Runtime, value: Value, precision: Value, method: string | undefined): Value {
  if (method !== 'common' && method !== 'ceil' && method !== 'floor') return fail('method must be common, ceil or floor');
  if (value instanceof Undefined) return fail(value.message);
  if (!isNumber(value)) return fail(`type ${typeName(value)} doesn't define __round__ method`);
  if (method === 'common') return typeof value === 'number' ? roundFloat(value, toCount(precision)) : roundInt(rt, intOf(value)!, toInt(precision));
  const scale = arithmetic(rt, '**', 10n, precision);
  const scaled = arithmetic(rt, '*', value, scale);
  const whole =
    typeof scaled !== 'number'
      ? scaled
      : Number.isFinite(scaled)
        ? BigInt(method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled))
        : fail('cannot convert float to integer');
  return arithmetic(rt, '/', whole, scale);
}

/** Python's round(int, digits): to even tens. */
function roundInt(rt: Runtime, value: bigint, digits: bigint): bigint {
  if (digits >= 0n) return value;
  rt.int(Number(-digits) * 4);
  const unit = 10n ** -digits;
  const rounded = divideToEven(absolute(value), unit) * unit;
  return value < 0n ? -rounded : rounded;
}
