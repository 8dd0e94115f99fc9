// Causal attention of every query row over the cache, one score after the other; nothing is tiled or split.

export interface Attention {
  /** (tokens, heads, headDim), rotated */
  queries: Float32Array;
  /** (positions, kvHeads, headDim), rotated; consecutive groups of heads / kvHeads query heads share one. */
  keys: Float32Array;
  /** (positions, kvHeads, headDim) */
  values: Float32Array;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Of the first query row. Row t sees positions up to `position` + t. */
  position: number;
  scale: number;
  /** Position p sees p - window + 1 to p. Without it, 0 to p. */
  window?: number;
  /** Scores become cap * tanh(score / cap). */
  softcap?: number;
  /** (heads) A score per head that takes part in the softmax and has no value. */
  sinks?: Float32Array;
}

/** Returns (tokens, heads, headDim). */
export function attention(attention: Attention): Float32Array {
  const { queries, heads, kvHeads, headDim, position, window } = attention;
  const result = new Float32Array(queries.length);
  const tokens = queries.length / (heads * headDim);
  for (let t = 0; t < tokens; t++) {
    const last = position + t;
    const first = window ? Math.max(0, last - window + 1) : 0;
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const start = (t * heads + head) * headDim;
      result.set(attend(attention, queries.subarray(start, start + headDim), first, last, kvHead, attention.sinks?.[head]), start);
    }
  }
  return result;
}

/** One query (headDim) over positions `first` to `last`. */
function attend(
  { keys, values, kvHeads, headDim, scale, softcap }: Attention,
  query: Float32Array,
  first: number,
  last: number,
  kvHead: number,
  sink = -Infinity,
): Float64Array {
  const row = (position: number) => (position * kvHeads + kvHead) * headDim;
  const scores: number[] = [];
  for (let position = first; position <= last; position++) {
    let dot = 0;
    for (let d = 0; d < headDim; d++) dot += query[d] * keys[row(position) + d];
    const score = dot * scale;
    scores.push(softcap ? softcap * Math.tanh(score / softcap) : score);
  }
  const highest = scores.reduce((a, b) => Math.max(a, b), sink);
  let total = Math.exp(sink - highest);
  const sums = new Float64Array(headDim);
  scores.forEach((score, i) => {
    const weight = Math.exp(score - highest);
    total += weight;
    for (let d = 0; d < headDim; d++) sums[d] += weight * values[row(first + i) + d];
  });
  return sums.map((sum) => sum / total);
}
