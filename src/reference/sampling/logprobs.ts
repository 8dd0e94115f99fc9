import { differences, ranked, sum } from './logits.ts';

/** Natural logarithms of the probabilities of all tokens whose logits (vocab) are finite, the most likely first. */
export function logSoftmax(logits: Float32Array): { id: number; logprob: number }[] {
  const order = ranked(logits);
  const below = differences(order, logits);
  const logSum = Math.log(sum(below.map(Math.exp)));
  return order.map((id, i) => ({ id, logprob: below[i] - logSum }));
}
