// What queries pay to the slots of a layer, and what policies of keys and values make of it. The slots of a kv head are those of a set, then the fresh ones, in
// order of position.

export interface Observed {
  /** (queries, heads, headDim), rotated */
  queries: Float32Array;
  /** Position of the first query. */
  first: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  scale: number;
  softcap?: number;
  /** Of each kv head its slots. */
  slots: { position: number; key: ArrayLike<number> }[][];
}

/** (query, head, slot of its kv head): 0 for slots that the query does not see. */
export function probabilities({ queries, first, heads, kvHeads, headDim, scale, softcap, slots }: Observed): number[][][] {
  const count = queries.length / (heads * headDim);
  return Array.from({ length: count }, (_, query) =>
    Array.from({ length: heads }, (_, head) => {
      const row = queries.subarray((query * heads + head) * headDim, (query * heads + head + 1) * headDim);
      const scores = slots[Math.floor(head / (heads / kvHeads))].map(({ position, key }) => {
        if (position > first + query) return -Infinity;
        const score = row.reduce((sum, value, d) => sum + value * key[d], 0) * scale;
        return softcap ? softcap * Math.tanh(score / softcap) : score;
      });
      const most = Math.max(...scores);
      const shares = scores.map((score) => Math.exp(score - most));
      const total = shares.reduce((a, b) => a + b, 0);
      return shares.map((share) => share / total);
    }),
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const slotsOf = (of: Observed, kvHead: number): number[] => of.slots[kvHead].map((_, slot) => slot);
const heads = (of: Observed): number[] => Array.from({ length: of.kvHeads }, (_, kvHead) => kvHead);
/** What the heads of a group pay to a slot by one query. */
const group = ({ heads, kvHeads }: Observed, p: number[][], kvHead: number, slot: number): number[] =>
  p.slice((kvHead * heads) / kvHeads, ((kvHead + 1) * heads) / kvHeads).map((shares) => shares[slot]);

/** (kv head, slot): the sum over queries, mean over the heads of a group. */
export function summed(of: Observed, p = probabilities(of)): number[][] {
  return heads(of).map((kvHead) => slotsOf(of, kvHead).map((slot) => sum(p.map((query) => (sum(group(of, query, kvHead, slot)) * of.kvHeads) / of.heads))));
}

/** The same by query. */
export const mean = (of: Observed, p = probabilities(of)): number[][] => summed(of, p).map((each) => each.map((paid) => paid / p.length));

/** The same by query of those that see the slot. */
export function normalised(of: Observed, p = probabilities(of)): number[][] {
  const last = of.first + p.length - 1;
  return summed(of, p).map((each, kvHead) =>
    each.map((paid, slot) => paid / Math.max(1, last + 1 - Math.max(of.first, of.slots[kvHead][slot].position))));
}

export interface Rhythm {
  /** Last position at which a slot was active, its own at first. */
  last: number;
  /** The longest distance of two in a row. */
  longest: number;
}

/** (kv head, slot) after these queries, from what there was before; slots are active where a head of their group pays `alpha`. */
export function active(of: Observed, alpha: number, before: (Rhythm | undefined)[][], p = probabilities(of)): Rhythm[][] {
  return of.slots.map((slots, kvHead) =>
    slots.map(({ position }, slot) => {
      let { last, longest } = before[kvHead][slot] ?? { last: position, longest: 0 };
      p.forEach((query, i) => {
        const now = of.first + i;
        if (position >= now || Math.max(...group(of, query, kvHead, slot)) < alpha) return;
        longest = Math.max(longest, now - last);
        last = now;
      });
      return { last, longest };
    }),
  );
}
