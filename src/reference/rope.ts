// Rotary position embedding (arXiv 2104.09864) by f64 sine and cosine. The angles of one position are those of
// `ropeFrequencies` in src/model/rope.ts; the kernel reads tables instead.

export interface Rotation {
  /** Pairs (2i, 2i+1), or halves (i, i + dims / 2). */
  layout: 'pairs' | 'halves';
  /** Radians per position of each pair: half as many as dimensions are rotated. The dimensions after those stay as they are. */
  frequencies: Float64Array;
  /** Multiplies cosine and sine. */
  magnitude: number;
}

/** x (tokens, heads, headDim), its first token at `position`. Returns the same shape. */
export function rotate(x: Float32Array, heads: number, headDim: number, position: number, { layout, frequencies, magnitude }: Rotation): Float32Array {
  const result = x.slice();
  const pairs = frequencies.length;
  for (let start = 0; start < x.length; start += headDim) {
    const token = Math.floor(start / (heads * headDim));
    for (let pair = 0; pair < pairs; pair++) {
      const angle = (position + token) * frequencies[pair];
      const cos = Math.cos(angle) * magnitude;
      const sin = Math.sin(angle) * magnitude;
      const first = start + (layout === 'pairs' ? 2 * pair : pair);
      const second = layout === 'pairs' ? first + 1 : first + pairs;
      result[first] = x[first] * cos - x[second] * sin;
      result[second] = x[first] * sin + x[second] * cos;
    }
  }
  return result;
}
