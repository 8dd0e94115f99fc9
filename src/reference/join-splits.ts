// What attention has found in several splits of the positions, as one: each split's sums weighted by its maximum, through the sum of the totals.

/** Returns (heads, headDim). `splits`: (split, head, headDim + 4), of each head its sums, then maximum, total and two numbers more. */
export function joinSplits(splits: Float32Array, heads: number, headDim: number): Float32Array {
  const width = headDim + 4;
  const count = splits.length / (heads * width);
  const result = new Float32Array(heads * headDim);
  for (let head = 0; head < heads; head++) {
    const starts = Array.from({ length: count }, (_, split) => (split * heads + head) * width);
    const largest = Math.max(...starts.map((start) => splits[start + headDim]));
    const weights = starts.map((start) => Math.exp(splits[start + headDim] - largest));
    const total = starts.reduce((sum, start, split) => sum + weights[split] * splits[start + headDim + 1], 0);
    for (let d = 0; d < headDim; d++)
      result[head * headDim + d] = starts.reduce((sum, start, split) => sum + weights[split] * splits[start + d], 0) / total;
  }
  return result;
}
