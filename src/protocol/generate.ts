// A request for text, the events that answer it, and what it took. Types only.
import { type ChatMessage, type Said, type ToolRequest } from './chat.ts';
import { type OnDemandPlan } from './plan.ts';
import { type SamplingOptions, type Token } from './sampling.ts';

/** What a request wishes in time; what it got is in its statistics. Milliseconds. */
export interface Targets {
  /** From the request until the first token. */
  firstTokenMs?: number;
  /** For each token after the first one, on average. */
  tokenMs?: number;
}

/** What came of a target. */
export type TargetMet = {
  targetMs: number;
  /** What it took; undefined where there was no such token. */
  ms?: number;
  met: boolean;
};

/** The form that an answer has: a JSON object, JSON of a schema, or text of a grammar. */
export type ResponseGrammar = { json: true } | { schema: unknown } | { ebnf: string } | { regex: string };

export interface GenerateRequest {
  /** `variables` are those of the chat template, like enable_thinking. */
  prompt: { messages: ChatMessage[]; variables?: Record<string, unknown> } | { text: string } | { tokens: number[] };
  sampling?: SamplingOptions;
  /** Of several texts that are wanted of one prompt, which this is, from 0: its random numbers are its own, also with the same seed. */
  choice?: number;
  /** The same for several that are one to whoever asks: they are one in the queue. */
  request?: string;
  /** Most new tokens. Default: until the model stops or the context is full. */
  maxTokens?: number;
  /**
   * Where the context ends: an error, which is the default; messages without the oldest turns; or `shift`: from time to time all goes but the first
   * few tokens and the latest half of the context, which are run again, also within an answer. That needs `maxTokens`.
   */
  overflow?: 'error' | 'truncate' | 'shift';
  /** Gives the prompt back before the answer, with its log-probabilities if those are asked for; then `maxTokens` may be 0. */
  echo?: boolean;
  /** With `echo` and `logprobs`, of each token of the prompt but the first: how likely all tokens were in its place, as `all`. */
  distributions?: boolean;
  /** Text before which the answer ends. */
  stop?: string[];
  /** What the answer has to be; where `maxTokens` cuts it, the beginning of that. */
  grammar?: ResponseGrammar;
  /** For conversations. */
  tools?: ToolRequest;
  /** Tells what the model thinks before it answers apart from its text; with `tools` that is so anyway. */
  reasoningApart?: boolean;
  /** Whose state on the GPU it goes on from and leaves there; only with it, `maxTokens` may be 0: then the prompt is run but for its last token. */
  session?: string;
  /** Requests of a lower one have their turns first. Default 0. */
  priority?: number;
  targets?: Targets;
}

/** `tool_calls`: by itself, after it has called functions. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'abort';

/** Weights that do not stay on the GPU, on their way there. */
export interface TransferStats {
  /** Bytes used that were read from the store or the file, and those that worker memory still had. */
  storeBytes: number;
  memoryBytes: number;
  /** Bytes of weights uploaded for the use. */
  uploadedBytes: number;
  /** Bytes of the input embedding read for the tokens' rows. */
  rowBytes: number;
  /** Milliseconds in which something was read or copied. */
  transferMs: number;
  /** Items that are fetched on demand, experts or neurons: how many were used, and how many of those were on the GPU; bytes brought for the others. */
  itemsUsed: number;
  itemsThere: number;
  itemBytes: number;
  /** How often, and for how many milliseconds, the GPU had nothing to do but wait for weights. */
  stalls: number;
  stallMs: number;
}

export interface GenerateStats {
  promptTokens: number;
  /** Prompt tokens whose keys and values were still there from the call before. */
  cachedTokens: number;
  newTokens: number;
  /** Tokens that were guessed, and those that took no step of their own, as they were guessed rightly: of the answer, nothing behind its end counts. */
  guessedTokens?: number;
  rightTokens?: number;
  /** Messages that were left out, as the conversation was too long. */
  droppedMessages?: number;
  /** Tokens that were left out by `shift`, of the prompt and of what came after it. */
  droppedTokens?: number;
  /** Milliseconds until the first new token, and for all the others. */
  prefillMs: number;
  decodeMs: number;
  gpuBytesPeak: number;
  /** Of the request's targets, those that it named. */
  targets?: { firstToken?: TargetMet; token?: TargetMet };
  /** What happened meanwhile that a person should know, as that the GPU was lost and the model brought back. */
  notices?: string[];
  /**
   * For the prompt and for all tokens after the first, if weights are streamed: all that was moved meanwhile, for requests at the same time too;
   * and what `items` are.
   */
  transfer?: { prefill: TransferStats; decode: TransferStats; items?: OnDemandPlan['of'] };
}

/** What a request's own MessagePort carries to the page. */
export type GenerateEvent =
  /** A step of its prompt was run: what is wrong with the request would have been told before. At most once, and first. */
  | { type: 'begun' }
  | ({ type: 'tokens'; tokens: Token[]; text: string } & Said)
  | { type: 'done'; reason: FinishReason; stats: GenerateStats }
  | { type: 'error'; name: string; message: string; code?: string };

/** What a request's own MessagePort carries to the worker. */
export type GenerateControl = { type: 'stop' };
