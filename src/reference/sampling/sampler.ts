// The sampler as plain loops: which tokens may come next, how likely each is, and which one a seed draws. A file per stage
// in ./sampling. Sorts the whole vocabulary, so it is for tests only; shaders/kernels/sampling/sample.wgsl does the same without sorting.
import { ranked } from './logits.ts';
import { minP } from './min-p.ts';
import { atTemperature } from './temperature.ts';
import { topK } from './top-k.ts';
import { topP } from './top-p.ts';
import { typical } from './typical.ts';
import { xtc } from './xtc.ts';

export interface Sampling {
  /** Above 0; 0 is `greedy`. */
  temperature: number;
  /** Keeps the k first tokens; 0 keeps all. */
  topK: number;
  /** Keeps what lies closest to the mean information until its probability passes this; 1 keeps all, which is the default. */
  typicalP?: number;
  /** Keeps the shortest prefix whose probability reaches p; 1 keeps all. */
  topP: number;
  /** Drops tokens less likely than this share of the most likely one; 0 keeps all. */
  minP: number;
  /** How often the most likely tokens go; 0, never, is the default. */
  xtcProbability?: number;
  xtcThreshold?: number;
}

export interface Candidates {
  /** Ascending. */
  ids: number[];
  /** Of each id; their sum is 1. */
  probabilities: number[];
}

/** What is chosen where no logit is finite. */
export const noToken = 0xffffffff;

/** The lowest index of the highest finite one of `logits` (vocab), or `noToken`. */
export function greedy(logits: Float32Array): number {
  let best = noToken;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isFinite(logits[i]) && (best === noToken || logits[i] > logits[best])) best = i;
  }
  return best;
}

/**
 * The tokens that may follow. Order of tokens: logit descending, then index ascending; every filter but typical-p and XTC keeps a prefix of
 * it: top-k, typical-p, then top-p (softmax of the survivors at temperature 1), then min-p, then XTC where `excludes`; temperature applies to what remains.
 * Infinite ones and NaN are no candidates; if there is nothing else `noToken` is the only one.
 * `logits` (vocab). The parameters are rounded to f32, as in a uniform.
 */
export function candidates(
  logits: Float32Array,
  { temperature, topK: k, typicalP = 1, topP: p, minP: least, xtcThreshold = 0.1 }: Sampling,
  excludes = false,
): Candidates {
  const all = minP(topP(typical(topK(ranked(logits), k), logits, typicalP), logits, p), logits, least);
  const order = excludes ? xtc(all, logits, xtcThreshold) : all;
  if (order.length === 0) return { ids: [noToken], probabilities: [1] };
  const ids = order.toSorted((a, b) => a - b);
  return { ids, probabilities: atTemperature(ids, logits, temperature, order[0]) };
}

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

/** Whether the most likely tokens go at `position`: by a random number of its own. */
export const excludesAt = ({ xtcProbability = 0 }: Sampling, seed: number, position: number): boolean =>
  (hash((hash((position ^ hash(seed)) >>> 0) ^ 0x9e3779b9) >>> 0) >>> 8) / 2 ** 24 < Math.fround(xtcProbability);

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
