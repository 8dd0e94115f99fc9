// Signs of eight weights, a bit each, the lowest first; set where the weight is negative.

/** Those that seven bits stand for: the eighth makes the number of negative weights even (`ksigns_iq2xs` in ggml-common.h). */
export function eightSigns(seven: number): number {
  const halved = seven ^ (seven >> 4);
  return seven | (((0x6996 >> (halved & 15)) & 1) << 7); // 0x6996: a bit for each number below 16 whose own bits are odd
}

/** Writes eight weights, or four: `scale` times a point of a grid (`dims` bytes at `dims * index`), negative where `signs` say so. */
export function writePoint(
  points: Uint8Array,
  dims: 4 | 8,
  index: number,
  signs: number,
  scale: number,
  weights: Float32Array,
  at: number,
): void {
  for (let i = 0; i < dims; i++) {
    const size = points[dims * index + i];
    weights[at + i] = scale * ((signs >> i) & 1 ? -size : size);
  }
}
