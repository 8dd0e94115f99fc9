import { differences, sum } from './logits.ts';

/** `order` without its first tokens, where several have at least the share `threshold` of the probability of all of it: the last of these stays. */
export function xtc(order: number[], logits: Float32Array, threshold: number): number[] {
  const masses = differences(order, logits).map(Math.exp);
  const least = Math.fround(threshold) * sum(masses);
  const last = masses.findLastIndex((mass) => mass >= least);
  return order.slice(Math.max(0, last));
}
