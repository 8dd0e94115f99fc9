export interface Penalties {
  /** Divides logits above 0 and multiplies the others; 1 changes nothing. */
  repeatPenalty: number;
  /** Taken off for each time. */
  frequencyPenalty: number;
  /** Taken off once. */
  presencePenalty: number;
}

/** `logits` (vocab) after the penalties for the tokens of `last`, in f32 as llama.cpp has it: repeat first, then the other two. */
export function penalise(
  logits: Float32Array,
  last: readonly number[],
  { repeatPenalty, frequencyPenalty, presencePenalty }: Penalties,
): Float32Array<ArrayBuffer> {
  const f = Math.fround;
  const counts = new Map<number, number>();
  for (const token of last) counts.set(token, (counts.get(token) ?? 0) + 1);
  const result = Float32Array.from(logits);
  for (const [token, count] of counts) {
    const logit = result[token];
    const scaled = f(logit <= 0 ? logit * f(repeatPenalty) : logit / f(repeatPenalty));
    result[token] = scaled - f(f(count * f(frequencyPenalty)) + f(presencePenalty));
  }
  return result;
}
