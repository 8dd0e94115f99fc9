// Texts as vectors. Types only.
import { type GenerateStats } from './generate.ts';

/** What is to be embedded; a reranker takes a question and a text together. */
export type EmbedInput = { text: string } | { tokens: number[] } | { query: string; document: string };

/** How texts are embedded. */
export interface EmbedRequest {
  /** As of answers. */
  priority?: number;
}

export interface Embedding {
  /** As the model gives it, not normalised: (dim), or of a reranker the probability of each label, or its one score. */
  vector: Float32Array<ArrayBuffer>;
  tokens: number;
  /** Nothing is made: all of the time, with that in the queue, is `prefillMs`. */
  stats: GenerateStats;
}
