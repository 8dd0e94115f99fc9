// Layer normalisation (Ba, Kiros and Hinton, arXiv 1607.06450).

/** x (tokens, dim) less the mean of each row, divided by the deviation from it, times weight (dim), plus bias (dim) if there is one. Returns (tokens, dim). */
export function layerNorm(x: Float32Array, weight: Float32Array, eps: number, bias?: Float32Array): Float32Array {
  const dim = weight.length;
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += dim) {
    const row = x.subarray(start, start + dim);
    const mean = row.reduce((sum, value) => sum + value, 0) / dim;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / dim;
    for (let i = 0; i < dim; i++) result[start + i] = ((row[i] - mean) / Math.sqrt(variance + eps)) * weight[i] + (bias?.[i] ?? 0);
  }
  return result;
}
