import { differences, sum } from './logits.ts';

/** The shortest prefix of `order` whose share of the probability of all of it, at temperature 1, reaches p; at least one token. */
export function topP(order: number[], logits: Float32Array, p: number): number[] {
  if (Math.fround(p) >= 1) return order;
  const masses = differences(order, logits).map(Math.exp);
  const needed = Math.fround(p) * sum(masses);
  let reached = 0;
  const last = masses.findIndex((mass) => (reached += mass) >= needed);
  return last < 0 ? order : order.slice(0, last + 1);
}
