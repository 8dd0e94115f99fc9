// Slots of a head that become a part of others, as plain loops: of the nearest ones, of one, or of the one of their run that queries pay most.
import { type Row, dot } from '../vectors.ts';

/** Slots of one kv head, in their order. */
export interface Slots {
  keys: number[][];
  values: number[][];
  /** How many tokens each stands for. */
  tokens: number[];
}

const cosineOf = (a: Row, b: Row): number => dot(a, b) / Math.max(1e-24, Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b)));
const meanOf = (rows: readonly number[][], weights: readonly number[]): number[] => {
  const total = weights.reduce((a, b) => a + b, 0);
  return rows[0].map((_, d) => rows.reduce((sum, row, i) => sum + weights[i] * row[d], 0) / total);
};

/** What a slot is after others became a part of it. */
export interface Joined {
  key: number[];
  value: number[];
  tokens: number;
}

/** Slots `members`, by their weights, in the place of slot `at`. */
function join({ keys, values, tokens }: Slots, at: number, members: readonly number[], weights: readonly number[]): Joined {
  if (members.length === 1) return { key: keys[at], value: values[at], tokens: tokens[at] };
  const of = (rows: number[][]) => meanOf(members.map((i) => rows[i]), weights);
  return { key: of(keys), value: of(values), tokens: members.reduce((sum, i) => sum + tokens[i], 0) };
}

/** What the slots that stay are then, by their index; `stays`: of every slot. */
export type Merged = Map<number, Joined>;

export interface Nearest {
  stays: readonly boolean[];
  /** By e to the cosine, where each slot is one token, or by how many tokens slots stand for. */
  by: 'cosine' | 'count';
  /** From which cosine on; `byMean`: and no less than the mean of those that go. */
  least: number;
  byMean?: boolean;
}

/** Each slot that goes becomes a part of the one that stays whose key is the most like its own, if it is like enough. */
export function mergedNearest(slots: Slots, { stays, by, least, byMean }: Nearest): Merged {
  const all = slots.keys.map((_, i) => i);
  const kept = all.filter((i) => stays[i]);
  const gone = all.filter((i) => !stays[i]).map((i) => {
    const cosines = kept.map((k) => cosineOf(slots.keys[i], slots.keys[k]));
    const most = Math.max(...cosines);
    return { i, into: kept[cosines.indexOf(most)], cosine: most };
  });
  const mean = gone.reduce((sum, { cosine }) => sum + cosine, 0) / Math.max(1, gone.length);
  const from = byMean ? Math.max(least, mean) : least;
  const of: Slots = by === 'count' ? slots : { ...slots, tokens: all.map(() => 1) };
  return new Map(kept.map((k) => {
    const own = gone.filter(({ into, cosine }) => into === k && cosine >= from);
    const weights = [{ i: k, cosine: 1 }, ...own].map(({ i, cosine }) => (by === 'count' ? of.tokens[i] : Math.exp(cosine)));
    return [k, join(of, k, [k, ...own.map(({ i }) => i)], weights)];
  }));
}

/** Each slot that goes becomes a part of the one that stays nearest to it in their order, of two the one before, with plain means. */
export function mergedClosest(slots: Slots, stays: readonly boolean[]): Merged {
  const all = slots.keys.map((_, i) => i);
  const kept = all.filter((i) => stays[i]);
  const into = (i: number) => kept.reduce((best, k) => (Math.abs(k - i) < Math.abs(best - i) ? k : best), kept[0]);
  return new Map(kept.map((k) => {
    const members = [k, ...all.filter((i) => !stays[i] && into(i) === k)];
    return [k, join({ ...slots, tokens: all.map(() => 1) }, k, members, members.map(() => 1))];
  }));
}

/** All slots that go become a part of one that stays. */
export function mergedInto(slots: Slots, stays: readonly boolean[], into: number): Merged {
  const members = slots.keys.map((_, i) => i).filter((i) => i === into || !stays[i]);
  return new Map([[into, join(slots, into, members, members.map((i) => slots.tokens[i]))]]);
}

/** The cosine of each slot's key with that of the next one, of slots from `first` on but for the last; -2 of others. */
export const neighbours = ({ keys }: Slots, first: number): number[] =>
  keys.map((key, i) => (i >= first && i + 1 < keys.length ? cosineOf(key, keys[i + 1]) : -2));

/**
 * Runs of slots of which each is marked as one with the next, as the one that has the highest score, of equals the first; by a Gaussian of distances from
 * its key.
 */
export function joinedRuns(slots: Slots, withNext: readonly boolean[], scores: ArrayLike<number>): Merged {
  const merged: Merged = new Map();
  for (let first = 0; first < slots.keys.length; ) {
    let end = first + 1;
    while (end < slots.keys.length && withNext[end - 1]) end++;
    const members = Array.from({ length: end - first }, (_, i) => first + i);
    const pivot = members.reduce((best, i) => (scores[i] > scores[best] ? i : best), first);
    const distances = members.map((i) => Math.sqrt(slots.keys[i].reduce((sum, x, d) => sum + (x - slots.keys[pivot][d]) ** 2, 0)));
    const spread = distances.reduce((a, b) => a + b, 0) / Math.max(1, members.length - 1);
    const weights = distances.map((distance) => Math.exp(-(distance ** 2) / Math.max(1e-12, 2 * spread ** 2)));
    merged.set(pivot, join(slots, pivot, members, weights));
    first = end;
  }
  return merged;
}
