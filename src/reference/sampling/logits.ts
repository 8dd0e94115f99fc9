// What the stages of the reference share: the order of tokens, and differences of logits that stay finite, as on the GPU.

const limit = Math.fround(1.7014117331926443e38);
const clamped = (logit: number): number => Math.min(Math.max(logit, -limit), limit);

export const sum = (terms: number[]): number => terms.reduce((total, term) => total + term, 0);

/** Tokens whose logits (vocab) are finite: the highest first, of equal ones the lowest id. */
export const ranked = (logits: Float32Array): number[] =>
  Array.from(logits.keys()).filter((i) => Number.isFinite(logits[i])).sort((a, b) => (logits[a] === logits[b] ? a - b : logits[b] > logits[a] ? 1 : -1));

/** How far the logit of each of `tokens` lies above that of `first`; 0 and less if that is the most likely. */
export const differences = (tokens: number[], logits: Float32Array, first = tokens[0]): number[] =>
  tokens.map((token) => clamped(logits[token]) - clamped(logits[first]));
