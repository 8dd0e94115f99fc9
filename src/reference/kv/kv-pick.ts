// What a row chooses to read of a head's slots, as plain loops: by bounds of runs of keys, by votes of all heads, by clusters of keys.
import { rank } from './kv-rank.ts';
import { type Row, dot } from '../vectors.ts';

/** Of each run of `run` keys the largest product that a query may have with a key of it, by bounds of each `each` keys; the most of the queries. */
export const bounded = (keys: readonly Row[], queries: readonly Row[], run: number, each: number): number[] =>
  Array.from({ length: Math.ceil(keys.length / run) }, (_, r) => {
    const parts = Array.from({ length: run / each }, (_, p) => keys.slice(r * run + p * each, Math.min((r + 1) * run, r * run + (p + 1) * each)));
    return Math.max(...parts.filter(({ length }) => length).flatMap((part) => queries.map((query) =>
      query.reduce((sum, q, d) => sum + q * (q > 0 ? Math.max(...part.map((key) => key[d])) : Math.min(...part.map((key) => key[d]))), 0))));
  });

/** Of the chunks of `each` keys those that `bounded` scores highest, `wanted` at most, in the `opened` best runs of `coarse` keys alone. */
export function chunksRead(keys: readonly Row[], queries: readonly Row[], [each, coarse]: readonly [number, number], wanted: number, opened: number): number[] {
  const open = new Set(rank(bounded(keys, queries, coarse, coarse), opened));
  const scores = bounded(keys, queries, each, each).map((score, chunk) => (open.has(Math.floor((chunk * each) / coarse)) ? score : -Infinity));
  return rank(scores, wanted).filter((chunk) => scores[chunk] > -Infinity);
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const shares = scores.map((score) => Math.exp(score - most));
  const total = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / total);
}

/** Of each slot the sum of its shares over heads, of `keys[kv head]` and `queries[kv head][head of its group]`. */
export function votes(keys: readonly (readonly Row[])[], queries: readonly (readonly Row[])[], scale: number): number[] {
  const shares = queries.flatMap((group, head) => group.map((query) => softmax(keys[head].map((key) => scale * dot(query, key)))));
  return keys[0].map((_, slot) => shares.reduce((sum, of) => sum + of[slot], 0));
}

export interface Clusters {
  /** The mean of each one's keys. */
  centroids: number[][];
  /** The cluster of each key. */
  labels: number[];
}

const unit = (key: Row): number[] => {
  const length = Math.max(1e-12, Math.sqrt(dot(key, key)));
  return key.map((x) => x / length);
};

/** k-means on keys of length 1, begun at keys that lie evenly; of equals the lower cluster, and one without keys stays where it was. */
export function clustered(keys: readonly Row[], count: number, rounds: number): Clusters {
  const units = keys.map(unit);
  let means = Array.from({ length: count }, (_, c) => units[Math.floor((c * keys.length) / count)]);
  const nearest = () => units.map((key) => {
    const distances = means.map((mean) => dot(mean, mean) - 2 * dot(mean, key));
    return distances.indexOf(Math.min(...distances));
  });
  const mean = (rows: readonly Row[], old: Row): number[] =>
    rows.length ? old.map((_, d) => rows.reduce((sum, row) => sum + row[d], 0) / rows.length) : [...old];
  for (let round = 0; round < rounds; round++) {
    const labels = nearest();
    means = means.map((old, c) => mean(units.filter((_, i) => labels[i] === c), old));
  }
  const labels = nearest();
  return { labels, centroids: means.map((old, c) => mean(keys.filter((_, i) => labels[i] === c), old.map(() => 0))) };
}

/** The clusters, whole ones, that queries of a group would pay most until `wanted` slots are passed. */
export function clustersRead({ centroids, labels }: Clusters, queries: readonly Row[], scale: number, wanted: number): number[] {
  const sizes = centroids.map((_, c) => labels.filter((label) => label === c).length);
  const rows = queries.map((query) => softmax(centroids.map((mean, c) => (sizes[c] ? scale * dot(query, mean) + Math.log(sizes[c]) : -1e30))));
  const order = rank(centroids.map((_, c) => Math.max(...rows.map((row) => row[c]))), centroids.length);
  const score = (c: number) => Math.max(...rows.map((row) => row[c]));
  let passed = 0;
  return order.sort((a, b) => score(b) - score(a) || a - b).filter((c) => {
    const taken = passed < wanted;
    passed += sizes[c];
    return taken;
  }).sort((a, b) => a - b);
}
