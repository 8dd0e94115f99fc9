import { differences } from './logits.ts';

/** Those of `order` whose probability is at least the share p of the first one's. */
export function minP(order: number[], logits: Float32Array, p: number): number[] {
  if (p === 0) return order;
  const least = Math.log(Math.fround(p));
  const below = differences(order, logits);
  return order.filter((_, i) => below[i] >= least);
}
