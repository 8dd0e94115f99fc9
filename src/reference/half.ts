// f32 -> f16 -> f32, as a cache in f16 stores its numbers. The bits of f16 are read in src/formats/half.ts.

/** The nearest f16 value (IEEE 754 binary16, ties to even, subnormals kept); from 65520 on it is infinite. */
export function roundToHalf(value: number): number {
  const size = Math.abs(value);
  if (!(size < 65520)) return Number.isNaN(value) ? NaN : Math.sign(value) * Infinity;
  const exponent = Math.max(-14, Math.floor(Math.log2(size))); // -14: subnormals have the quantum of the least normal
  const quantum = 2 ** (exponent - 10);
  // 2^52 has no fraction bits left in f64, so that adding it rounds, ties to even.
  const rounded = (size / quantum + 2 ** 52 - 2 ** 52) * quantum;
  return value < 0 || Object.is(value, -0) ? -rounded : rounded;
}
