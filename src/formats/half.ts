// f16 <-> number, subnormals included. IEEE 754-2008.

export function halfToFloat(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -magnitude : magnitude;
}

/** The bits of the nearest f16, ties to even, subnormals kept; from 65520 on infinite. */
export function floatToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (!(size < 65520)) return Number.isNaN(value) ? 0x7e00 : sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size))); // -14: subnormals have the quantum of the least normal
  // 2^52 has no fraction bits left in f64, so that adding it rounds, ties to even.
  const quanta = size / 2 ** (exponent - 10) + 2 ** 52 - 2 ** 52;
  return sign | (quanta + 1024 * (exponent + 14)); // a normal number's leading bit, and a carry, count as the exponent
}
