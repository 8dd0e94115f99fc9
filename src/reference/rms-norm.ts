// Root mean square normalisation (Zhang and Sennrich, arXiv 1910.07467).

/** x (tokens, dim) divided by the root mean square of each row, times weight (dim). Returns (tokens, dim). */
export function rmsNorm(x: Float32Array, weight: Float32Array, eps: number): Float32Array {
  const dim = weight.length;
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += dim) {
    let squares = 0;
    for (let i = 0; i < dim; i++) squares += x[start + i] ** 2;
    const scale = 1 / Math.sqrt(squares / dim + eps);
    for (let i = 0; i < dim; i++) result[start + i] = x[start + i] * scale * weight[i];
  }
  return result;
}
