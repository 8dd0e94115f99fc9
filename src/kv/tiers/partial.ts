// Attention of one query of each head to slots on pages in worker memory, by the processor: of each query head a maximum of scores, the sum of exp(score -
// maximum) and of that times the values, which is what attention-decode.wgsl leaves of a split. Knows no GPU. Sums are in f64.
import { type KvFormat, pageSlots } from '../formats/format.ts';
import { createPageNumbers, readKeys, readValues } from './page-numbers.ts';

/** How a layer's queries meet its keys. */
export interface Asked {
  queryHeads: number;
  kvHeads: number;
  headDim: number;
  scale: number;
  softcap?: number;
}

export interface Partial {
  /** Begins with no slot. `queries`: (query head, headDim padded to whole fours), which is read until the next call. */
  begin(queries: Float32Array): void;
  /** Slots `from` to `to` of a page of a kv head, for all query heads of its group. */
  addPage(kvHead: number, page: Uint8Array, from: number, to: number): void;
  /** Slots whose products with a query head are known, and what reads their values. */
  addFound(head: number, found: Found, readValue: (id: number, into: Float32Array) => void): void;
  /** (query head, padded headDim + 4): sums, then (maximum, total, 0, 0). */
  write(into: Float32Array): void;
}

/** Slots by what they are known as, `count` of them, with the product of a query and each key, not scaled. */
export interface Found {
  ids: ArrayLike<number>;
  scores: ArrayLike<number>;
  count: number;
}

/** Weights below this share of the largest are not worth their values: some thousand of them are less than f32 rounds. */
const leastWeight = 2 ** -36;

/** Below all scores, as kernels have it: a split without slots counts nothing beside any other. */
const noScore = -1e30;

/** Floats of what is written. */
export const partialFloats = ({ queryHeads, headDim }: Pick<Asked, 'queryHeads' | 'headDim'>): number => queryHeads * (4 * Math.ceil(headDim / 4) + 4);

export function createPartial(asked: Asked, format: KvFormat): Partial {
  const { queryHeads, kvHeads, headDim, scale, softcap = 0 } = asked;
  const dims = 4 * Math.ceil(headDim / 4);
  const group = queryHeads / kvHeads;
  const numbers = createPageNumbers(headDim);
  const largest = new Float64Array(queryHeads);
  const totals = new Float64Array(queryHeads);
  const sums = new Float64Array(queryHeads * dims);
  const scores = new Float64Array(pageSlots);
  const value = new Float32Array(dims);
  let queries: Float32Array;

  /** What was added so far counts as for a larger maximum. */
  function raise(head: number, most: number): void {
    const kept = Math.exp(largest[head] - most);
    largest[head] = most;
    totals[head] *= kept;
    for (let i = head * dims; i < (head + 1) * dims; i++) sums[i] *= kept;
  }

  return {
    begin(given) {
      queries = given;
      largest.fill(noScore);
      totals.fill(0);
      sums.fill(0);
    },
    addPage(kvHead, page, from, to) {
      readKeys(format, headDim, page, numbers);
      readValues(format, headDim, page, numbers);
      for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
        scoreSlots(queries, head * dims, numbers.keys, scores);
        const most = capped(scores, from, to, scale, softcap);
        if (most > largest[head]) raise(head, most);
        for (let slot = from; slot < to; slot++) totals[head] += scores[slot] = Math.exp(scores[slot] - largest[head]);
        addValues(sums, head * dims, dims, numbers.values, scores, from, to);
      }
    },
    addFound(head, { ids, scores: products, count }, readValue) {
      let most = noScore;
      for (let i = 0; i < count; i++) most = Math.max(most, cappedOne(products[i], scale, softcap));
      if (most > largest[head]) raise(head, most);
      for (let i = 0; i < count; i++) {
        const weight = Math.exp(cappedOne(products[i], scale, softcap) - largest[head]);
        totals[head] += weight;
        if (weight < leastWeight) continue;
        readValue(ids[i], value);
        for (let d = 0; d < dims; d++) sums[head * dims + d] += weight * value[d];
      }
    },
    write(into) {
      for (let head = 0, at = 0; head < queryHeads; head++, at += dims + 4) {
        into.set(sums.subarray(head * dims, (head + 1) * dims), at);
        into.set([largest[head], totals[head], 0, 0], at + dims);
      }
    },
  };
}

/** Products of a query with all keys of a page. */
function scoreSlots(queries: Float32Array, first: number, keys: Float32Array, scores: Float64Array): void {
  scores.fill(0);
  for (let at = 0, d = first; at < keys.length; d += 4) {
    const q0 = queries[d];
    const q1 = queries[d + 1];
    const q2 = queries[d + 2];
    const q3 = queries[d + 3];
    for (let slot = 0; slot < pageSlots; slot++, at += 4) scores[slot] += q0 * keys[at] + q1 * keys[at + 1] + q2 * keys[at + 2] + q3 * keys[at + 3];
  }
}

const cappedOne = (product: number, scale: number, softcap: number): number => softcap ? softcap * Math.tanh((product * scale) / softcap) : product * scale;

/** Has scores of slots scaled, and within a soft cap if there is one; gives the largest. */
function capped(scores: Float64Array, from: number, to: number, scale: number, softcap: number): number {
  let most = noScore;
  for (let slot = from; slot < to; slot++) {
    scores[slot] = cappedOne(scores[slot], scale, softcap);
    if (scores[slot] > most) most = scores[slot];
  }
  return most;
}

/** Adds the values of slots, each as often as its weight says. */
function addValues(sums: Float64Array, first: number, dims: number, values: Float32Array, weights: Float64Array, from: number, to: number): void {
  for (let slot = from; slot < to; slot++) {
    const weight = weights[slot];
    const at = slot * dims;
    for (let d = 0; d < dims; d++) sums[first + d] += weight * values[at + d];
  }
}
