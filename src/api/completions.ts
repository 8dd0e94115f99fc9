// OpenAI's older `completions.create`: text that goes on from a prompt as it is, without a chat template.
import { type GenerateStats } from '../protocol.ts';
import { type ChatFinishReason, type ChatUsage, type SamplingParams } from './chat.ts';
import { type Connection } from './connection.ts';
import { createOver, type Create } from './create.ts';
import { toCompletionRequest } from './parameters.ts';

export interface CompletionParams extends SamplingParams {
  /** Text, to which the tokenizer adds what the model's texts begin with; or token ids, taken as they are. */
  prompt: string | number[];
  /** Most new tokens. Default: until the model stops or the context is full (OpenAI's is 16). */
  max_tokens?: number | null;
}

export interface Completion {
  id: string;
  object: 'text_completion';
  /** Seconds since 1970. */
  created: number;
  model: string;
  choices: [{ index: 0; text: string; finish_reason: ChatFinishReason; logprobs: null }];
  usage: ChatUsage;
  stats: GenerateStats;
}

export interface CompletionChunk extends Omit<Completion, 'choices' | 'usage' | 'stats'> {
  /** Empty in the chunk that carries the usage. */
  choices: { index: 0; text: string; finish_reason: ChatFinishReason | null; logprobs: null }[];
  /** As of chat's chunks. */
  usage?: ChatUsage | null;
  tokens?: number;
  stats?: GenerateStats;
}

export interface Completions {
  /**
   * Goes on from a prompt. Requests, streams and errors are as those of `chat.completions.create`.
   * @throws RequestError for a parameter out of range; BudgetError or DeviceError from the engine.
   */
  create: Create<CompletionParams, Completion, CompletionChunk>;
}

const choice = <Reason extends ChatFinishReason | null>(text: string, finish_reason: Reason) => ({ index: 0 as const, text, finish_reason, logprobs: null });

export const completions = (connection: Connection, model: string): Completions => ({
  create: createOver(connection, model, toCompletionRequest, {
    id: 'cmpl',
    object: 'text_completion',
    chunkObject: 'text_completion',
    whole: choice,
    piece: (text) => choice(text, null),
    end: (reason) => choice('', reason),
  }),
});
