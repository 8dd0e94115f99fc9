// The sampler as plain loops: which tokens may come next, how likely each is, and which one a seed draws.
// Sorts the whole vocabulary, so it is for tests only; shaders/kernels/sample.wgsl does the same without sorting.

export interface Sampling {
  /** Above 0; 0 is `greedy`. */
  temperature: number;
  /** Keeps the k first tokens; 0 keeps all. */
  topK: number;
  /** Keeps the shortest prefix whose probability reaches p; 1 keeps all. */
  topP: number;
  /** Drops tokens less likely than this share of the most likely one; 0 keeps all. */
  minP: number;
}

export interface Candidates {
  /** Ascending. */
  ids: number[];
  /** Of each id; their sum is 1. */
  probabilities: number[];
}

/** What is chosen where no logit is finite. */
export const noToken = 0xffffffff;

/** As on the GPU: differences of logits stay finite. */
const limit = Math.fround(1.7014117331926443e38);
const clamped = (logit: number): number => Math.min(Math.max(logit, -limit), limit);

/** The lowest index of the highest finite one of `logits` (vocab), or `noToken`. */
export function greedy(logits: Float32Array): number {
  let best = noToken;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isFinite(logits[i]) && (best === noToken || logits[i] > logits[best])) best = i;
  }
  return best;
}

/**
 * The tokens that may follow. Order of tokens: logit descending, then index ascending; every filter keeps a prefix of it:
 * top-k, then top-p (softmax of the survivors at temperature 1), then min-p; temperature applies to what remains.
 * Infinite ones and NaN are no candidates; if there is nothing else `noToken` is the only one.
 * `logits` (vocab). The parameters are rounded to f32, as in a uniform.
 */
export function candidates(logits: Float32Array, sampling: Sampling): Candidates {
  let order = Array.from(logits.keys()).filter((i) => Number.isFinite(logits[i]));
  if (order.length === 0) return { ids: [noToken], probabilities: [1] };
  order.sort((a, b) => (logits[a] === logits[b] ? a - b : logits[b] > logits[a] ? 1 : -1));
  const first = clamped(logits[order[0]]);
  if (sampling.topK > 0) order = order.slice(0, sampling.topK);
  order = order.slice(0, prefixLength(order.map((i) => Math.exp(clamped(logits[i]) - first)), Math.fround(sampling.topP)));
  if (sampling.minP > 0) {
    const least = Math.log(Math.fround(sampling.minP));
    order = order.filter((i) => clamped(logits[i]) - first >= least);
  }
  const ids = order.sort((a, b) => a - b);
  const masses = ids.map((i) => Math.exp((clamped(logits[i]) - first) / Math.fround(sampling.temperature)));
  const total = sum(masses);
  return { ids, probabilities: masses.map((mass) => mass / total) };
}

/** How many of `masses`, descending, it takes to reach the share `p` of their sum; at least one. */
function prefixLength(masses: number[], p: number): number {
  if (p >= 1) return masses.length;
  const needed = p * sum(masses);
  let reached = 0;
  for (let i = 0; i < masses.length; i++) {
    reached += masses[i];
    if (reached >= needed) return i + 1;
  }
  return masses.length;
}

const sum = (terms: number[]): number => terms.reduce((total, term) => total + term, 0);

/** The candidate at which the running sum of probabilities, in the order of ids, first exceeds the draw of (seed, position). */
export function draw({ ids, probabilities }: Candidates, seed: number, position: number): number {
  const u = uniform(seed, position);
  let reached = 0;
  for (let i = 0; i < ids.length; i++) {
    reached += probabilities[i];
    if (reached > u) return ids[i];
  }
  return ids[probabilities.findLastIndex((probability) => probability > 0)];
}

/** In [0, 1), 32 bits: the random number for the token at `position`. */
export function uniform(seed: number, position: number): number {
  return hash((position ^ hash(seed)) >>> 0) / 2 ** 32;
}

/** PCG's RXS-M-XS output of one step of its generator: a bijection of u32 (O'Neill 2014; Jarzynski and Olano 2020). */
export function hash(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}
