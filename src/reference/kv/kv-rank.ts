// Which slots are kept, by a number of each: the highest, of equals the lower slot.

/**
 * Of `scores` the indices of the `keep` highest, ascending; of equals the lower index. The first and the newest of the last are kept in any case, as a part of
 * these.
 */
export function rank(scores: ArrayLike<number>, keep: number, first = 0, last = 0): number[] {
  const newest = Math.max(0, Math.min(last, keep - first));
  const of = (i: number) => (i < first || i >= scores.length - newest ? Infinity : scores[i]);
  return Array.from({ length: scores.length }, (_, i) => i)
    .sort((a, b) => (of(a) === of(b) ? a - b : of(b) - of(a)))
    .slice(0, keep)
    .sort((a, b) => a - b);
}

/**
 * (kv head): the indices of `keep` scores of all heads together, besides those that each head has `already`; of equals the lower head, then the
 * lower index.
 */
export function rankJointly(scores: ArrayLike<number>[], keep: number, already: number[][] = scores.map(() => [])): number[][] {
  const all = scores.flatMap((row, head) =>
    Array.from(row, (score, i) => ({ head, i, score })).filter(({ i }) => !already[head].includes(i)));
  const taken = rank(all.map(({ score }) => score), keep).map((n) => all[n]);
  return scores.map((_, head) => [...already[head], ...taken.filter((each) => each.head === head).map(({ i }) => i)].sort((a, b) => a - b));
}

/** Averages of `width` neighbours, with zeros beyond the ends. */
export function smoothed(scores: ArrayLike<number>, width: number): number[] {
  return Array.from({ length: scores.length }, (_, i) => {
    let sum = 0;
    for (let n = i - (width >> 1); n <= i + (width >> 1); n++) sum += scores[n] ?? 0;
    return sum / width;
  });
}

/** Of each slot what its run of `size` has, of all heads: the largest or the mean of the means over heads; -1 behind the last whole run. */
export function byRuns(scores: ArrayLike<number>[], size: number, how: 'largest' | 'mean'): number[] {
  const { length } = scores[0];
  const of = (i: number) => scores.reduce((sum, row) => sum + row[i], 0) / scores.length;
  return Array.from({ length }, (_, i) => {
    const first = i - (i % size);
    if (first + size > length) return -1;
    const run = Array.from({ length: size }, (_, n) => of(first + n));
    return how === 'largest' ? Math.max(...run) : run.reduce((a, b) => a + b, 0) / size;
  });
}

/** How soon a slot is to be kept by its rhythm: minus how often its longest rest fits into the present one; below all of these, by its rest, what had none. */
export const overdue = ({ last, longest }: { last: number; longest: number }, length: number): number => {
  const idle = length - 1 - last;
  return longest > 0 ? -idle / longest : -idle - length;
};
