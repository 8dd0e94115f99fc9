// OpenAI's `embeddings.create`: vectors of texts, of length 1.
import { toBase64 } from '../base64.ts';
import { RequestError, shown } from '../errors.ts';
import { type EmbedInput, type GenerateStats } from '../protocol.ts';
import { type Backend } from './backend.ts';
import { toPriority } from './completions/number.ts';
import { togetherStats } from './create.ts';
import { refuseParameters } from './refuse.ts';

export interface EmbeddingParams {
  /** A text, or its token ids taken as they are, or several of either: up to 2048. */
  input: string | string[] | number[] | number[][];
  /** The first so many numbers of each vector, of length 1 again, for models that are trained for it. Default: all. */
  dimensions?: number | null;
  /** `base64`: each vector as the base64 text of its 32-bit floats, little-endian. Default `float`. */
  encoding_format?: 'float' | 'base64' | null;
  /** -1000 to 1000: requests of a lower one have their turns first, answers among them. Default 0. */
  priority?: number | null;
  /** Accepted and not used. */
  model?: string;
  user?: string;
  signal?: AbortSignal;
}

export interface EmbeddingObject {
  object: 'embedding';
  index: number;
  /** As OpenAI's types have it; a text where `encoding_format` is `base64`. */
  embedding: number[];
}

export interface EmbeddingList {
  object: 'list';
  data: EmbeddingObject[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
  /** As of answers, with no new tokens: all of the time is that of the prompts. */
  stats: GenerateStats;
}

export interface Embeddings {
  /** @throws RequestError; UnsupportedModelError for a model that is not made for embeddings. Rejects with the reason of the signal. */
  create(params: EmbeddingParams, options?: { signal?: AbortSignal }): Promise<EmbeddingList>;
}

const most = 2048;
const known = ['input', 'dimensions', 'encoding_format', 'priority', 'model', 'user', 'signal'];

export const embeddings = (backend: Backend): Embeddings => ({
  async create(params, { signal } = {}) {
    refuseParameters(params, known);
    const { encoding_format: format = 'float' } = params;
    const inputs = toInputs(params.input);
    if (format !== null && format !== 'float' && format !== 'base64')
      throw new RequestError(`encoding_format is ${shown(format)}; it must be float or base64.`);
    if (backend.info.pooling === 'rank') throw new RequestError('The model ranks texts and gives no embeddings. Ask for rerank, or load another model.');
    const dimensions = toDimensions(params.dimensions, backend.info.dimensions);
    const made = await backend.embed(inputs, { signal: params.signal ?? signal, priority: toPriority(params.priority) });
    const tokens = made.reduce((sum, each) => sum + each.tokens, 0);
    return {
      object: 'list',
      data: made.map(({ vector }, index) => {
        const unit = normalised(vector.subarray(0, dimensions));
        // In memory they are little-endian, wherever a browser or Node runs.
        const embedding = format === 'base64' ? (toBase64(new Uint8Array(unit.buffer)) as unknown as number[]) : [...unit];
        return { object: 'embedding', index, embedding };
      }),
      model: backend.info.name,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
      stats: togetherStats(made.map(({ stats }) => stats)),
    };
  },
});

function toInputs(input: EmbeddingParams['input']): EmbedInput[] {
  const each: unknown[] = Array.isArray(input) && typeof input[0] !== 'number' ? input : [input];
  if (!each.length || each.length > most) throw new RequestError(`input has ${each.length} texts; it may have 1 to ${most}.`);
  return each.map((one) => {
    if (typeof one === 'string' && one !== '') return { text: one };
    if (Array.isArray(one) && one.length > 0 && one.every((id) => Number.isInteger(id) && id >= 0)) return { tokens: one as number[] };
    throw new RequestError(`input has ${shown(one)}; each must be a text that is not empty, or the token ids of one.`);
  });
}

/** `all`: as many as the model gives; undefined where it gives no vectors, which the engine tells. */
function toDimensions(dimensions: number | null | undefined, all: number | undefined): number | undefined {
  if (dimensions === undefined || dimensions === null || all === undefined) return undefined;
  if (!(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= all))
    throw new RequestError(`dimensions is ${shown(dimensions)}; it must be a whole number from 1 to ${all}, as many as the model gives.`);
  return dimensions;
}

/** Of length 1; zeros stay as they are. */
function normalised(vector: Float32Array): Float32Array<ArrayBuffer> {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1;
  return Float32Array.from(vector, (value) => value / length);
}
