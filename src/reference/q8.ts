// f32 -> 8 bits -> f32, as a cache in 8 bits stores the heads of keys and values.

export interface QuantisedHead {
  /** The largest size of the head, in f32. */
  scale: number;
  /** Shares of it in steps of 1/127, from -127 to 127: the nearest, halves upwards as WGSL's pack4x8snorm has them. */
  steps: Int8Array;
}

export function quantise(head: Float32Array): QuantisedHead {
  const scale = head.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { scale, steps: Int8Array.from(head, (value) => Math.floor(0.5 + (127 * value) / Math.max(scale, 1e-30))) };
}

/** The numbers that `quantise` leaves of (heads, headDim). */
export function roundToSteps(numbers: Float32Array, headDim: number): Float32Array {
  const result = new Float32Array(numbers.length);
  for (let start = 0; start < numbers.length; start += headDim) {
    const { scale, steps } = quantise(numbers.subarray(start, start + headDim));
    steps.forEach((step, i) => (result[start + i] = (step / 127) * scale));
  }
  return result;
}
