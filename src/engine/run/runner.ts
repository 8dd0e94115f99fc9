// Runs a loaded model: tokens in, logits or the next tokens out, of one sequence or of several at once. Knows positions and
// programs, not text or requests.
import { type Sequence } from '../../kv/sequence.ts';
import { type Sampler } from '../../model/sampling/sampler.ts';
import { type Token, type TransferStats } from '../../protocol.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Answering, type Made, decode, readsBehind, sample, sampleOn, step } from './answer/choose.ts';
import { type Prompt, feed, feedChunk } from './feed.ts';
import { createRunState } from './run-state.ts';

export interface ChunkOptions {
  /** Nobody waits, and several chunks may pass through streamed weights together. */
  several?: boolean;
  /** Where the text that was given ends, if tokens from there on were chosen: positions. Default: behind the last one. */
  promptLength?: number;
  /** Is told of each chunk, while its rows are on the GPU. */
  onChunk?(position: number, rows: number): Promise<void>;
}

export interface Runner {
  /** Runs `ids` from `position` on; afterwards the logits of the last one are on the GPU. `chosen`: they were, so that they are no prompt. */
  feed(ids: readonly number[], position: number, signal?: AbortSignal, chosen?: boolean): Promise<void>;
  /** Runs the first chunk of `ids` and gives its length; with the last one comes what `feed` leaves. For prompts that others have turns between. */
  feedChunk(ids: readonly number[], position: number, signal?: AbortSignal, how?: ChunkOptions): Promise<number>;
  /** As `feed`, and hands over the logits of every token, (rows, vocab), chunk by chunk. Needs a model loaded with `logitsRows`. */
  feedAll(ids: readonly number[], position: number, onRows: (logits: Float32Array, rows: number) => void, signal?: AbortSignal): Promise<void>;
  /** As `feed`, and gives the logits of the tokens at `rows`, indices into `ids`: (row, vocab). Needs a model loaded with as many `logitsRows`, up to 8. */
  feedRows(ids: readonly number[], position: number, rows: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  /** Of the part of a prompt that was fed last: `rows` tokens from `position` on. What the head multiplies of those from row `first` on, (row, dim). */
  readNormed(position: number, rows: number, first: number): Promise<Float32Array<ArrayBuffer>>;
  /** Of the same, hands over the logits of the first `count` tokens, (vocab) each; those of the last are on the GPU then, as after `feed`. */
  readRows(position: number, rows: number, count: number, onRow: (row: number, logits: Float32Array) => void): Promise<void>;
  /** The logits of the last token that was fed, (vocab). */
  readLogits(): Promise<Float32Array>;
  /** Starts a sampler and chooses the token after the `length` fed ones. */
  sample(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token>;
  /** Runs the token just sampled, at position `length`, and chooses the next. */
  step(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token>;
  /**
   * Starts a sampler, chooses up to `most` tokens after the `length` fed ones and hands them over as they come back, one
   * or several at a time: where tokens take little time, several are made per submit, and the next submit is under way
   * while one is read, if the sampler may go ahead of the CPU. So when the caller has enough and leaves the loop, later
   * tokens may have been made in vain.
   */
  tokens(sampler: Sampler, length: number, most: number, signal?: AbortSignal): AsyncGenerator<Token[], void>;
  /** The same for another sequence of the model. One of them runs at a time. */
  of(sequence: Sequence): Runner;
  /**
   * Submits steps that run the last token of each sequence and choose its next, up to `most` of each and no more than `mostTogether`
   * sequences. Each has to have room for them. Resolves once all is submitted.
   */
  decode(answering: readonly Answering[], most: number, signal?: AbortSignal): Promise<Made>;
  /** One step that runs the last token of a sequence with 1 to 7 guesses of what follows: gives what is chosen up to the first wrong one, or to an end. */
  verify(answering: Answering, guesses: readonly number[], signal?: AbortSignal): Promise<Token[]>;
  /** Runs once what checks guesses, or with a sampler what a model that drafts runs, so that no answer waits for what drivers then make ready. */
  warm(sampler?: Sampler): Promise<void>;
  /** Runs whole prompts of several sequences in one step, of `mostRows` tokens together; gives what the head multiplies of each: see feed-together.ts. */
  feedTogether(prompts: readonly Prompt[]): Promise<Float32Array<ArrayBuffer>[]>;
  /** Most rows of a step of prefill. */
  readonly mostRows: number;
  /** Whether the tokens of a submit are best read while the next one runs. */
  readsBehind(answering: readonly Answering[]): boolean;
  /** Most sequences of a step. */
  readonly mostTogether: number;
  readonly submits: number;
  /** Milliseconds spent encoding and submitting so far. */
  readonly hostMs: number;
  /** Streamed weights, since the model was loaded. */
  transfer(): TransferStats;
}

/** A chunk of its own: answers leave logits on the GPU. */
const promptLogits = () => import('./prompt-logits.ts');

export function createRunner(model: LoadedModel): Runner {
  const state = createRunState(model);
  const { submits, mostTogether } = state;
  const on = (sequence: Sequence): Runner => ({
    get submits() {
      return submits.submits;
    },
    get hostMs() {
      return submits.hostMs;
    },
    transfer: submits.transfer,
    of: on,
    feed: (ids, position, signal, chosen) =>
      feed(state, { sequence, ids, position, signal, ...(chosen && { promptLength: Math.min(position, sequence.shaped?.promptLength ?? 0) }) }),
    feedChunk: (ids, position, signal, { several, promptLength, onChunk } = {}) =>
      feedChunk(state, { sequence, ids, position, signal, promptLength }, several, onChunk && (({ rows, length }) => onChunk(length - rows, rows))),
    feedAll: async (ids, position, onRows, signal) => (await promptLogits()).feedAll(state, { sequence, ids, position, signal }, onRows),
    feedRows: async (ids, position, rows, signal) => (await promptLogits()).feedRows(state, { sequence, ids, position, signal }, rows),
    readNormed: async (position, rows, first) => (await import('./normed.ts')).readNormed(state, [{ rows, length: position + rows, of: sequence }], first),
    readRows: async (position, rows, count, onRow) => (await promptLogits()).readRows(state, { rows, length: position + rows, of: sequence }, count, onRow),
    readLogits: async () => (await promptLogits()).readLogits(state),
    sample: (sampler, length, signal) => sample(state, { sequence, sampler, length }, signal),
    step: (sampler, length, signal) => step(state, { sequence, sampler, length: length + 1 }, signal),
    tokens: (sampler, length, most, signal) => sampleOn(state, { sequence, sampler, length }, most, signal),
    mostTogether,
    decode: (answering, most, signal) => decode(state, answering, most, signal),
    verify: async (...step) => (await import('./speculation/verify.ts')).verify(state, ...step),
    warm: async (sampler) => (await import('./speculation/warm.ts')).warm(state, sequence, sampler),
    feedTogether: async (prompts) => (await import('./feed-together.ts')).feedTogether(state, prompts),
    mostRows: model.sizes.chunk,
    readsBehind: (answering) => readsBehind(state, answering),
  });
  return on(model.sequence);
}
