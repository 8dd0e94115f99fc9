import { differences, sum } from './logits.ts';

/** Those of `order` whose information lies closest to the mean, until their share of the probability passes p, in `order`; of equal ones the lowest ids. */
export function typical(order: number[], logits: Float32Array, p: number): number[] {
  if (Math.fround(p) >= 1) return order;
  const gaps = differences(order, logits).map((below) => Math.fround(Math.min(-below, 100)));
  const masses = gaps.map((gap) => Math.exp(-gap));
  const mean = Math.fround(sum(masses.map((mass, i) => mass * gaps[i])) / sum(masses));
  const away = gaps.map((gap) => Math.fround(Math.abs(gap - mean)));
  const needed = Math.fround(p) * sum(masses);
  const kept = new Set<number>();
  let reached = 0;
  for (const i of [...order.keys()].sort((a, b) => away[a] - away[b] || order[a] - order[b])) {
    kept.add(order[i]);
    if ((reached += masses[i]) > needed) break;
  }
  return order.filter((token) => kept.has(token));
}
