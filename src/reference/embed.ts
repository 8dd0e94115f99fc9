// Rows of the embedding table.

/** table (vocab, cols), ids (tokens). Returns table[ids[t]] * scale (tokens, cols). */
export function embed(table: Float32Array, cols: number, ids: ArrayLike<number>, scale = 1): Float32Array {
  const result = new Float32Array(ids.length * cols);
  for (let t = 0; t < ids.length; t++) {
    for (let i = 0; i < cols; i++) result[t * cols + i] = table[ids[t] * cols + i] * scale;
  }
  return result;
}
