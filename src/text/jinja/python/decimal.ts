// Floats in decimal and back, as Python rounds and reads them: exact, half to even.

/** A finite float as sign * mantissa * 2^exponent. */
function parts(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponent = Number(bits >> 52n);
  const fraction = bits & (2n ** 52n - 1n);
  return exponent === 0 ? { mantissa: fraction, exponent: -1074 } : { mantissa: fraction | (1n << 52n), exponent: exponent - 1075 };
}

/** |value| * 10^digits, rounded to an integer. */
function scaled(value: number, digits: number): bigint {
  const { mantissa, exponent } = parts(value);
  let numerator = mantissa;
  let denominator = 1n;
  if (digits >= 0) numerator *= 10n ** BigInt(digits);
  else denominator *= 10n ** BigInt(-digits);
  if (exponent >= 0) numerator <<= BigInt(exponent);
  else denominator <<= BigInt(-exponent);
  return divideToEven(numerator, denominator);
}

/** Of numbers from 0. */
export function divideToEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

const notFinite = (value: number): string | undefined => (Number.isNaN(value) ? 'nan' : Number.isFinite(value) ? undefined : 'inf');
export const isNegative = (value: number): boolean => value < 0 || Object.is(value, -0);

/** Like C's %.{digits}f of |value|. */
export function fixed(value: number, digits: number): string {
  const special = notFinite(value);
  if (special) return special;
  const text = scaled(value, digits).toString().padStart(digits + 1, '0');
  return digits > 0 ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

/** The first significant digits of |value|, so many of them, and the power of ten of the first. */
function significant(value: number, count: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: '0'.repeat(count), exponent: 0 };
  let exponent = Number(Math.abs(value).toExponential().split('e')[1]);
  let digits = scaled(value, count - 1 - exponent).toString();
  if (digits.length > count) {
    exponent++;
    digits = scaled(value, count - 1 - exponent).toString();
  }
  return { digits, exponent };
}

const power = (exponent: number): string => `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;

/** Like C's %.{digits}e of |value|. */
export function scientific(value: number, precision: number): string {
  const special = notFinite(value);
  if (special) return special;
  const { digits, exponent } = significant(value, precision + 1);
  return `${digits[0]}${precision > 0 ? `.${digits.slice(1)}` : ''}${power(exponent)}`;
}

/** Like C's %.{precision}g of |value|; `keepZeros` as with #. `point`: as Python's format without a type, which shows that it is a float. */
export function general(value: number, precision: number, keepZeros = false, point = false): string {
  const special = notFinite(value);
  if (special) return special;
  const count = Math.max(1, precision);
  const { digits, exponent } = significant(value, count);
  return placed(keepZeros ? digits : digits.replace(/0+$/, '') || '0', exponent, exponent < -4 || exponent >= count - (point ? 1 : 0), point, keepZeros);
}

function placed(digits: string, exponent: number, exponential: boolean, point: boolean, keepPoint = false): string {
  if (exponential) return `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : keepPoint ? '.' : ''}${power(exponent)}`;
  const whole = exponent < 0 ? '0' : digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = exponent < 0 ? '0'.repeat(-exponent - 1) + digits : digits.slice(exponent + 1);
  return fraction ? `${whole}.${fraction}` : point ? `${whole}.0` : keepPoint ? `${whole}.` : whole;
}

/** Python's repr of a float: the shortest digits that give it back. */
export function floatRepr(value: number): string {
  const special = notFinite(value);
  if (special) return value < 0 ? `-${special}` : special;
  const [mantissa, exponent] = Math.abs(value).toExponential().split('e');
  const at = Number(exponent);
  return (isNegative(value) ? '-' : '') + placed(mantissa.replace('.', ''), at, at < -4 || at >= 16, true);
}

/** Python's round(value, digits) of a float. */
export function roundFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 323) return value;
  if (digits < -308) return isNegative(value) ? -0 : 0;
  const rounded = Number(`${scaled(value, digits)}e${-digits}`);
  return isNegative(value) ? -rounded : rounded;
}

const decimalZeros = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10];

/** Decimal digits of other scripts as ASCII ones. */
const asciiDigits = (text: string): string =>
  text.replace(/[^\0-\x7f]/gu, (character) => {
    const zero = decimalZeros.find((first) => character.charCodeAt(0) >= first && character.charCodeAt(0) < first + 10);
    return zero === undefined ? character : String(character.charCodeAt(0) - zero);
  });

/** Python's float(text); undefined where that raises. */
export function readFloat(text: string): number | undefined {
  const trimmed = asciiDigits(text).trim();
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (word) return /nan/i.test(word[2]) ? NaN : word[1] === '-' ? -Infinity : Infinity;
  if (!/^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/i.test(trimmed)) return undefined;
  return Number(trimmed.replaceAll('_', ''));
}

const prefixes: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 16: '0x' };

/** Python's int(text, base); undefined where that raises. */
export function readInt(text: string, base: number): bigint | undefined {
  const [, sign, rest] = /^([+-]?)(.*)$/s.exec(asciiDigits(text).trim().toLowerCase())!;
  let radix = base;
  let body = rest;
  for (const [of, prefix] of Object.entries(prefixes)) {
    if (body.startsWith(prefix) && (base === 0 || base === Number(of))) {
      radix = Number(of);
      body = body.slice(2).replace(/^_/, '');
    }
  }
  if (radix === 0) {
    if (/^0[_0]*[1-9]/.test(body)) return undefined;
    radix = 10;
  }
  if (!/^[0-9a-z]+(_[0-9a-z]+)*$/.test(body)) return undefined;
  const digits = body.replaceAll('_', '');
  if (digits.length > 4300 && ![2, 4, 8, 16, 32].includes(radix)) return undefined;
  if ([...digits].some((digit) => parseInt(digit, 36) >= radix)) return undefined;
  const value =
    prefixes[radix] || radix === 10
      ? BigInt((prefixes[radix] ?? '') + digits)
      : [...digits].reduce((sum, digit) => sum * BigInt(radix) + BigInt(parseInt(digit, 36)), 0n);
  return sign === '-' ? -value : value;
}
