/** `logits` (vocab) with the bias of each token that has one added, in f32. */
export function addBias(logits: Float32Array, biases: Record<number, number>): Float32Array<ArrayBuffer> {
  const result = Float32Array.from(logits);
  for (const [token, bias] of Object.entries(biases)) result[Number(token)] += Math.fround(bias);
  return result;
}
