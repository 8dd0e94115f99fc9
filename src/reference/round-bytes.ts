// Activations rounded to one or two signed bytes each, 32 to a scale, as kernels do it for products in integers.

export interface Rounded {
  /** What the bytes stand for. */
  values: Float64Array;
  /** Where f32 arithmetic may round either way: the difference that makes. Elsewhere 0. */
  doubts: Float64Array;
}

/** The largest activation of a scale: a signed byte, or 256 times one. */
const mostOf = { 1: 127, 2: 127 * 256 };
/** Halves closer than this may go either way: the quotient is up to the largest and wrong by a few units of 2^-24 of it. */
const nearHalf = 1e-2;

/** `x` is one row of activations. */
export function roundToBytes(x: Float32Array, bytes: 1 | 2 = 2): Rounded {
  const most = mostOf[bytes];
  const values = new Float64Array(x.length);
  const doubts = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += 32) {
    const group = x.subarray(start, start + 32);
    const scale = group.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / most;
    if (scale === 0) continue;
    group.forEach((value, i) => {
      const code = value / scale;
      values[start + i] = Math.round(code) * scale;
      if (Math.abs(Math.abs(code - Math.round(code)) - 0.5) < nearHalf) doubts[start + i] = scale;
    });
  }
  return { values, doubts };
}
