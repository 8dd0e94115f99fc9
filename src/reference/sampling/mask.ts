/** `logits` (vocab) with -infinity for every token that is not allowed. */
export const masked = (logits: Float32Array, allowed: (token: number) => boolean): Float32Array<ArrayBuffer> =>
  Float32Array.from(logits, (logit, token) => (allowed(token) ? logit : -Infinity));
