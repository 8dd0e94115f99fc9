// OpenAI's older `completions.create`: text that goes on from a prompt as it is, without a chat template.
import { type GenerateStats, type Token } from '../../protocol.ts';
import { type Backend } from '../backend.ts';
import { type ChatUsage, type SamplingParams } from './chat.ts';
import { createOver, type Create } from '../create.ts';
import { type CompletionLogprobs, createCompletionLogprobs } from './logprobs.ts';
import { toCompletionRequests } from './parameters.ts';

export interface CompletionParams extends SamplingParams {
  /**
   * Text, to which the tokenizer adds what the model's texts begin with; or token ids, taken as they are; or several of these, which are
   * gone on from at the same time.
   */
  prompt: string | number[] | string[] | number[][];
  /** Gives the prompt back before the answer, with `logprobs` how likely each of its tokens was too. Default false. */
  echo?: boolean | null;
  /** What is done where the text leaves no room: an error (default), or `shift`, with `max_tokens`, as of chats. */
  context_overflow?: 'error' | 'shift' | null;
  /** Most new tokens; from 1, with `echo` from 0. Default: until the model stops or the context is full (OpenAI's is 16). */
  max_tokens?: number | null;
  /** 0 to 20: tells how likely each token was, and so many of the most likely ones. Default: neither. */
  logprobs?: number | null;
}

/** `content_filter`: of servers alone. */
export type CompletionFinishReason = 'stop' | 'length' | 'content_filter';

export interface CompletionChoice {
  index: number;
  text: string;
  finish_reason: CompletionFinishReason;
  logprobs: CompletionLogprobs | null;
}

export interface Completion {
  id: string;
  object: 'text_completion';
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** `n` for each prompt, in the order of the prompts. */
  choices: [CompletionChoice, ...CompletionChoice[]];
  usage: ChatUsage;
  stats: GenerateStats;
}

export interface CompletionChunk extends Omit<Completion, 'choices' | 'usage' | 'stats'> {
  /** Empty in the chunk that carries the usage. */
  choices: { index: number; text: string; finish_reason: CompletionFinishReason | null; logprobs: CompletionLogprobs | null }[];
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

export const completions = (backend: Backend): Completions => ({
  create: createOver(backend, toCompletionRequests, (index) => {
    const logprobs = createCompletionLogprobs();
    const choice = (text: string, finish_reason: CompletionFinishReason | null, tokens?: Token[]): CompletionChunk['choices'][number] => ({
      index,
      text,
      finish_reason,
      logprobs: logprobs(tokens),
    });
    return {
      id: 'cmpl',
      object: 'text_completion',
      chunkObject: 'text_completion',
      whole: ({ text, reason }, tokens) => choice(text, reason as CompletionFinishReason, tokens), // raw text calls nothing
      piece: (text, tokens) => choice(text, null, tokens),
      end: (reason) => choice('', reason as CompletionFinishReason),
    };
  }),
});
