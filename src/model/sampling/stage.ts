// What a file of this folder says of its stage of sampling: options, kernels, whether the CPU has a part in each token. Plain
// data and functions; sampler.ts lists the stages in order and has them recorded.
import { RequestError } from '../../errors.ts';
import { type SamplingOptions } from '../../protocol.ts';
import { type SamplerBuffer, type StateBuffer } from './buffers.ts';
import { type SamplingFields } from './uniform.ts';

/** Which tokens may come next: bit `token % 32` of word `token / 32`; (ceil(vocab / 32)). */
export type TokenMask = Uint32Array<ArrayBuffer>;

/** Texts that end the repetitions that DRY looks for, in tokens: one of `heads`, and then `tail`. */
export interface DryBreaker {
  readonly tail: readonly number[];
  readonly heads: readonly number[];
}

/** What a request says of sampling, with what does not cross to a worker. */
export interface SamplerOptions extends SamplingOptions {
  seed: number;
  /** Of the logits, if there are those of several positions. Default 0. */
  row?: number;
  /** Tokens that end an answer. Once one is chosen, steps that are queued already change nothing. */
  ends?: readonly number[];
  /** The mask of all tokens of an answer, or what gives that of the next one from those chosen so far. */
  mask?: TokenMask | ((chosen: readonly number[]) => TokenMask);
  /** The texts of `dry`, in tokens of the model. */
  dryBreakers?: readonly DryBreaker[];
}

export interface StageDispatch {
  /** File in shaders/kernels; `files` beside state and sampling in front of it, and constants at its head. */
  kernel: string;
  files?: string[];
  consts?: Record<string, number>;
  /** What it is called, after `sampler.`; default: the kernel's name. */
  label?: string;
  /** Names of its bindings, beside the uniform `sampling`. */
  buffers: SamplerBuffer[];
  /** A workgroup for each slice of the vocabulary, or one. */
  workgroups: 'slices' | 'one';
}

/** Bytes for a buffer of the request's sequence. */
export interface Writing {
  buffer: StateBuffer;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface SamplerStage {
  name: string;
  /** Words of the uniform, from options that are checked here: a RequestError names the first that is out of range. */
  fields?(options: SamplingOptions): Partial<SamplingFields>;
  /** Whether a request runs the dispatches. */
  asked(options: SamplerOptions): boolean;
  /** Empty where the kernels that choose do the stage's work on the way. */
  dispatches: StageDispatch[];
  /** What is written once a request begins. */
  start?(options: SamplerOptions, vocab: number): Writing | undefined;
  /** What is written before each token, from those chosen so far; undefined if nothing is: then tokens may be made ahead of the CPU. */
  before?(options: SamplerOptions, vocab: number): ((chosen: readonly number[]) => Writing) | undefined;
}

/** `value` if it is from `least` to `most`; NaN is not. */
export function within(name: string, value: number, least: number, most: number): number {
  if (!(value >= least && value <= most)) throw new RequestError(`${name} is ${value}; it must be from ${least} to ${most}.`);
  return value;
}

export function whole(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value)) throw new RequestError(`${name} is ${value}; it must be a whole number.`);
  return within(name, value, least, most);
}
