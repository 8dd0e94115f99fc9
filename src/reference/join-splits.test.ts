import { expect, it } from 'vitest';
import { attention } from './attend.ts';
import { joinSplits } from './join-splits.ts';

it('gives what attention gives of all positions, of the splits that it left', () => {
  const [heads, headDim, positions] = [2, 4, 7];
  const next = (i: number) => Math.sin(12.9898 * (i + 1));
  const numbers = (count: number, from: number) => Float32Array.from({ length: count }, (_, i) => next(from + i));
  const [queries, keys, values] = [numbers(heads * headDim, 0), numbers(positions * heads * headDim, 100), numbers(positions * heads * headDim, 500)];
  const scoreOf = (head: number, position: number) =>
    Array.from({ length: headDim }, (_, d) => queries[head * headDim + d] * keys[(position * heads + head) * headDim + d]).reduce((a, b) => a + b);
  const splits = [[0, 3], [3, 6], [6, 7]].flatMap(([begin, end]) => Array.from({ length: heads }, (_, head) => {
    const seen = Array.from({ length: end - begin }, (_, i) => begin + i);
    const largest = Math.max(...seen.map((position) => scoreOf(head, position)));
    const weights = seen.map((position) => Math.exp(scoreOf(head, position) - largest));
    const sums = Array.from({ length: headDim }, (_, d) =>
      seen.reduce((sum, position, i) => sum + weights[i] * values[(position * heads + head) * headDim + d], 0));
    return [...sums, largest, weights.reduce((a, b) => a + b), 0, 0];
  }).flat());
  const whole = attention({ queries, keys, values, heads, kvHeads: heads, headDim, position: positions - 1, scale: 1 });
  joinSplits(Float32Array.from(splits), heads, headDim).forEach((value, i) => expect(value).toBeCloseTo(whole[i], 6));
});
