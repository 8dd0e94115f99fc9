// How well texts answer a question, in the shape that Jina's and Cohere's servers share (`/v1/rerank`); OpenAI has none.
import { RequestError, shown } from '../errors.ts';
import { type GenerateStats } from '../protocol.ts';
import { type Backend } from './backend.ts';
import { toPriority } from './completions/number.ts';
import { togetherStats } from './create.ts';
import { refuseParameters } from './refuse.ts';

export interface RerankParams {
  query: string;
  /** Up to 2048. */
  documents: string[];
  /** So many of the best. Default: all. */
  top_n?: number | null;
  /** As of embeddings. */
  priority?: number | null;
  /** Accepted and not used. */
  model?: string;
  signal?: AbortSignal;
}

export interface RerankResult {
  model: string;
  /** The best first; `index` is that of `documents`. */
  results: { index: number; relevance_score: number }[];
  usage: { prompt_tokens: number; total_tokens: number };
  /** As of embeddings. */
  stats: GenerateStats;
}

export interface Rerank {
  /** @throws RequestError, also for a model that is no reranker. Rejects with the reason of the signal. */
  create(params: RerankParams, options?: { signal?: AbortSignal }): Promise<RerankResult>;
}

const most = 2048;
const known = ['query', 'documents', 'top_n', 'priority', 'model', 'signal'];
/** Of other servers', with the values that ask for nothing. */
const neutral = { return_documents: [false] };

export const rerank = (backend: Backend): Rerank => ({
  async create(params, { signal } = {}) {
    refuseParameters(params, known, neutral);
    const { query, documents, top_n: top } = params;
    if (typeof query !== 'string' || query === '') throw new RequestError(`query is ${shown(query)}; it must be a text that is not empty.`);
    if (!Array.isArray(documents) || !documents.length || documents.length > most || !documents.every((each) => typeof each === 'string'))
      throw new RequestError(`documents is ${shown(documents)}; it must be a list of 1 to ${most} texts.`);
    if (top !== undefined && top !== null && !(Number.isInteger(top) && top >= 1))
      throw new RequestError(`top_n is ${shown(top)}; it must be a whole number from 1.`);
    const { pooling, rankedBy = 0, name } = backend.info;
    if (pooling !== 'rank') throw new RequestError('The model is no reranker: its file does not say that it ranks. Load one that does.');
    const how = { signal: params.signal ?? signal, priority: toPriority(params.priority) };
    const made = await backend.embed(documents.map((document) => ({ query, document })), how);
    const tokens = made.reduce((sum, each) => sum + each.tokens, 0);
    const results = made.map(({ vector }, index) => ({ index, relevance_score: vector[rankedBy] })).toSorted((a, b) => b.relevance_score - a.relevance_score);
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    return { model: name, results: results.slice(0, top ?? undefined), usage, stats: togetherStats(made.map(({ stats }) => stats)) };
  },
});
