// A matrix for each head, of its own part of a row.

export interface HeadProjection {
  /** (tokens, heads, cols) */
  x: Float32Array;
  /** (heads, rows, cols) */
  weights: Float32Array;
  heads: number;
  cols: number;
}

/** Returns (tokens, heads, rows). */
export function headProject({ x, weights, heads, cols }: HeadProjection): Float32Array {
  const rows = weights.length / (heads * cols);
  return Float32Array.from({ length: (x.length / cols) * rows }, (_, i) => {
    const [part, row] = [Math.floor(i / rows), i % rows];
    const matrix = ((part % heads) * rows + row) * cols;
    let sum = 0;
    for (let j = 0; j < cols; j++) sum += weights[matrix + j] * x[part * cols + j];
    return sum;
  });
}
