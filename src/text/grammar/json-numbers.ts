// Numbers within bounds, digit by digit.
import { type Expression, chars, either, nothing, optional, repeat, sequence, text } from './expression.ts';

/** Bounds of a number; without one it is as large as JavaScript reads exactly. */
export interface Bounds {
  readonly least?: number;
  readonly most?: number;
  /** Whether the bound itself is left out. */
  readonly aboveLeast?: boolean;
  readonly belowMost?: boolean;
}

/** Largest bound, and most digits after the point: numbers within them are told apart. */
export const largest = 1e9;
const largestInteger = 999_999_999_999_999;
const fraction = 6;
const more = 2;

const never: Expression = { either: [] };
const digitsFrom = (from: number, to: number): Expression => (from > to ? never : chars([0x30 + from, 0x30 + to]));
const anyDigits = (count: number): Expression => (count ? repeat(digitsFrom(0, 9), count, count) : nothing);

/** Whole numbers from `least` to `most`, both of at most 15 digits. */
export function integersWithin({ least = -largestInteger, most = largestInteger, aboveLeast, belowMost }: Bounds): Expression {
  const from = aboveLeast && Number.isInteger(least) ? least + 1 : Math.ceil(least);
  const to = belowMost && Number.isInteger(most) ? most - 1 : Math.floor(most);
  return either(
    ...(from < 0 ? [sequence(text('-'), wholeNumbers(Math.max(1, -to), -from))] : []),
    ...(to >= 0 ? [wholeNumbers(Math.max(0, from), to)] : []),
  );
}

/** From 0 up. */
function wholeNumbers(from: number, to: number): Expression {
  const parts: Expression[] = [];
  for (let length = String(from).length, low = from; low <= to; low = 10 ** length++) {
    const high = Math.min(to, 10 ** length - 1);
    parts.push(sameLength(String(low), String(high)));
  }
  return either(...parts);
}

/** Digits from `low` to `high`, which have the same length. */
function sameLength(low: string, high: string): Expression {
  if (!low) return nothing;
  if (/^0*$/.test(low) && /^9*$/.test(high)) return anyDigits(low.length);
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) return sequence(text(low[0]), sameLength(lowRest, highRest));
  return either(
    sequence(text(low[0]), sameLength(lowRest, '9'.repeat(lowRest.length))),
    ...(first + 1 < last ? [sequence(digitsFrom(first + 1, last - 1), anyDigits(lowRest.length))] : []),
    sequence(text(high[0]), sameLength('0'.repeat(highRest.length), highRest)),
  );
}

/** Numbers without an exponent. Bounds have at most `fraction` digits after the point. */
export function numbersWithin({ least = -largest, most = largest, aboveLeast = false, belowMost = false }: Bounds): Expression {
  const negative = least < 0 ? decimals(Math.max(0, -most), -least, most <= 0 && belowMost, aboveLeast) : never;
  const positive = most >= 0 ? decimals(Math.max(0, least), most, least >= 0 && aboveLeast, belowMost) : never;
  return either(sequence(text('-'), negative), positive);
}

/** Whether a bound can be one of `numbersWithin`. */
export const canBound = (value: number): boolean => Math.abs(value) <= largest && Number(value.toFixed(fraction)) === value;

function partsOf(value: number): [whole: number, fraction: string] {
  const [whole, rest = ''] = value.toFixed(fraction).split('.');
  return [Number(whole), rest.replace(/0+$/, '')];
}

/** From 0 up. */
function decimals(from: number, to: number, aboveFrom: boolean, belowTo: boolean): Expression {
  if (from > to) return never;
  const [low, lowRest] = partsOf(from);
  const [high, highRest] = partsOf(to);
  const point = (digits: Expression): Expression => sequence(text('.'), digits);
  if (low === high) {
    const itself = !lowRest && !aboveFrom && !(from === to && belowTo) ? [nothing] : [];
    return sequence(text(String(low)), either(...itself, point(between(lowRest, highRest, aboveFrom, belowTo))));
  }
  return either(
    sequence(text(String(low)), either(...(lowRest || aboveFrom ? [] : [nothing]), point(atLeast(lowRest, aboveFrom)))),
    ...(low + 1 <= high - 1 ? [sequence(wholeNumbers(low + 1, high - 1), optional(point(someDigits)))] : []),
    sequence(text(String(high)), either(...(highRest || !belowTo ? [nothing] : []), point(atMost(highRest, belowTo)))),
  );
}

const someDigits: Expression = repeat(digitsFrom(0, 9), 1, fraction);
const moreDigits: Expression = repeat(digitsFrom(0, 9), 0, more);
const zeros: Expression = repeat(text('0'), 0, more);

/** Digits after a point that are at least 0.`low`; one or more. `low` does not end with 0. */
function atLeast(low: string, above: boolean): Expression {
  if (!low) return above ? sequence(zeros, digitsFrom(1, 9), moreDigits) : sequence(digitsFrom(0, 9), moreDigits);
  const first = Number(low[0]);
  const rest = low.slice(1);
  return either(
    sequence(digitsFrom(first + 1, 9), moreDigits),
    sequence(text(low[0]), rest || above ? atLeast(rest, above) : moreDigits),
  );
}

/** Digits after a point that are at most 0.`high`; one or more. */
function atMost(high: string, below: boolean): Expression {
  if (!high) return below ? never : sequence(text('0'), zeros);
  const first = Number(high[0]);
  const rest = high.slice(1);
  return either(
    sequence(digitsFrom(0, first - 1), moreDigits),
    sequence(text(high[0]), either(...(rest || !below ? [nothing] : []), atMost(rest, below))),
  );
}

/** Digits after a point between 0.`low` and 0.`high`. */
function between(low: string, high: string, above: boolean, below: boolean): Expression {
  if (!low && !above) return atMost(high, below);
  if (!high) return never; // high is at least low
  const first = Number(low[0] ?? 0);
  const last = Number(high[0]);
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) {
    const itself = !lowRest && !above && (highRest !== '' || !below) ? [nothing] : [];
    return sequence(text(String(first)), either(...itself, between(lowRest, highRest, above, below)));
  }
  return either(
    sequence(text(String(first)), !lowRest && !above ? moreDigits : atLeast(lowRest, above)),
    ...(first + 1 <= last - 1 ? [sequence(digitsFrom(first + 1, last - 1), moreDigits)] : []),
    sequence(text(String(last)), either(...(highRest || !below ? [nothing] : []), atMost(highRest, below))),
  );
}
