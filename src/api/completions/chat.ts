// The shapes of a chat request and its answers, as OpenAI's chat completions have them. Types only.
// `SamplingParams`, usage and reasons are those of raw completions too. What windrow adds: top_k, min_p, typical_p,
// repeat_penalty, penalty_last_n, signal, tokens, stats.
import { type ChatMessage, type GenerateStats } from '../../protocol.ts';
import { type ChatLogprobs } from './logprobs.ts';
import { type ContextOverflow } from './overflow.ts';
import { type ReasoningEffort } from './reasoning-effort.ts';
import { type FormatParams } from './response-format.ts';
import { type ChatToolCall, type ChatToolCallDelta, type ToolCallParam, type ToolParams } from './tools.ts';

export interface ChatTextPart {
  type: 'text';
  text: string;
}

export interface ChatMessageParam {
  /** `developer` is OpenAI's newer name of `system`. */
  role: ChatMessage['role'] | 'developer';
  /** Null beside `tool_calls`. */
  content?: string | ChatTextPart[] | null;
  /** Of the assistant: what it called. */
  tool_calls?: ToolCallParam[];
  /** Of a result: the call that it answers. */
  tool_call_id?: string;
  name?: string;
  /** Of the assistant: what it thought. */
  reasoning_content?: string | null;
  /** Of the assistant, as the last message: the beginning of the answer, not of reasoning, which goes on from there and does not repeat it. Default false. */
  prefix?: boolean | null;
}

/** Milliseconds: until the first token, and for each one after it on average. */
export interface TargetParams {
  first_token_ms?: number | null;
  token_ms?: number | null;
}

/** What all requests may say. */
export interface SamplingParams {
  /** True gives chunks as they are made; false or absent gives the whole answer. */
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  /** 0, or 0.001 to 2; 0 takes the most likely token. Default 0 (OpenAI's is 1). */
  temperature?: number | null;
  /** Above 0, at most 1. Default 1. */
  top_p?: number | null;
  /** 0 keeps all. Default 0. */
  top_k?: number | null;
  /** 0 to 1. Default 0. */
  min_p?: number | null;
  /** 0 to 1. Default 1, which keeps all. */
  typical_p?: number | null;
  /** 0 to 1: how often all of the tokens that reach `xtc_threshold` go but the least likely of them. Default 0. */
  xtc_probability?: number | null;
  /** 0 to 0.5. Default 0.1. */
  xtc_threshold?: number | null;
  /** 0 to 2^32 - 1. Default: random. Of several choices each has its own, made of this one and its index. */
  seed?: number | null;
  /** Texts for each prompt, 1 to 128, made at the same time. Default 1. */
  n?: number | null;
  /** 0.1 to 10: above 1, tokens among the last `penalty_last_n` are less likely. Default 1. */
  repeat_penalty?: number | null;
  /** -2 to 2: taken off for each time that a token is among them. Default 0. */
  frequency_penalty?: number | null;
  /** -2 to 2: taken off if a token is among them. Default 0. */
  presence_penalty?: number | null;
  /** Tokens that penalties look back at, those of the prompt too; -1 for all. Default 64. */
  penalty_last_n?: number | null;
  /** DRY, as llama.cpp has it: 0 to 100; above 0, tokens that go on with what was said before are less likely. Default 0. */
  dry_multiplier?: number | null;
  /** 1 to 100, to the power of the tokens as before beyond those allowed: so much more is taken off. Default 1.75. */
  dry_base?: number | null;
  /** 0 to 1024: tokens that may be as before at no cost. Default 2. */
  dry_allowed_length?: number | null;
  /** Tokens that are looked back at, those of the prompt too; -1 for all, which is the default. */
  dry_penalty_last_n?: number | null;
  /** Up to 32 texts behind which a repetition begins anew. Default: a line break, a colon, a double quote and an asterisk. */
  dry_sequence_breakers?: string[] | null;
  /** -100 to 100 by token id, added to its logit. */
  logit_bias?: Record<string, number> | null;
  /** Text before which the answer ends. */
  stop?: string | string[] | null;
  /** Stops the request. A stream then just ends, as OpenAI's client does it; otherwise the call rejects with the signal's reason. */
  signal?: AbortSignal;
  /** -1000 to 1000: requests of a lower one have their turns first. Default 0. */
  priority?: number | null;
  /** What the request wishes in time, which decides whose turn it is; what came of it is in the usage and the stats. */
  targets?: TargetParams | null;
  /** What the answer has to be: rules like `root ::= "yes" | "no"`, or a regular expression that all of it matches. */
  grammar?: FormatParams['grammar'];
  /** Accepted and not used: an engine holds one model. */
  model?: string;
  user?: string;
}

export interface TemplateOptions {
  /** Variables of the model's chat template, as in transformers and vLLM: `{ enable_thinking: false }`. */
  chat_template_kwargs?: Record<string, unknown> | null;
}

export interface ChatCompletionParams extends SamplingParams, TemplateOptions, ToolParams {
  messages: ChatMessageParam[];
  /** What is done where the conversation leaves no room for the answer: an error (default), or its oldest turns are left out. */
  context_overflow?: ContextOverflow | null;
  /** Where the chat template can say so; one that can only switch reasoning is told `none` or not. Default: the template's. */
  reasoning_effort?: ReasoningEffort | null;
  /** `json_schema`: the answer is JSON that passes the schema, and is cut by nothing but the most tokens. */
  response_format?: FormatParams['response_format'];
  /** `auto` or `deepseek`: reasoning apart from the answer, in `reasoning_content`; so it is with `tools`. Default `none`: within the content, as it comes. */
  reasoning_format?: 'none' | 'auto' | 'deepseek' | null;
  /** Tells how likely each token was. Default false. */
  logprobs?: boolean | null;
  /** 0 to 20 of the most likely tokens beside each one; with `logprobs`. Default 0. */
  top_logprobs?: number | null;
  /** Most new tokens. Default: until the model stops or the context is full. */
  max_completion_tokens?: number | null;
  /** The older name of `max_completion_tokens`. */
  max_tokens?: number | null;
}

/** Null only in the chunks before the last. `content_filter`: of servers alone. */
export type ChatFinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

export interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
  /** As servers tell it. */
  completion_tokens_details?: { reasoning_tokens?: number };
  /** If the request named targets: of several texts, those of the one that met them worst. */
  targets?: GenerateStats['targets'];
}

export interface ChatChoice {
  index: number;
  /** `content` is null where there are only calls. */
  message: { role: 'assistant'; content: string | null; refusal: null; tool_calls?: ChatToolCall[]; reasoning_content?: string };
  finish_reason: ChatFinishReason;
  logprobs: ChatLogprobs | null;
}

export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  /** Seconds since 1970. */
  created: number;
  model: string;
  choices: [ChatChoice, ...ChatChoice[]];
  usage: ChatUsage;
  stats: GenerateStats;
}

export interface ChatDelta {
  role?: 'assistant';
  content?: string;
  reasoning_content?: string;
  tool_calls?: ChatToolCallDelta[];
}

export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  /** Empty in the chunk that carries the usage. */
  choices: { index: number; delta: ChatDelta; finish_reason: ChatFinishReason | null; logprobs: ChatLogprobs | null }[];
  /** If `stream_options.include_usage` asks for it: in one last chunk, and null in all before. */
  usage?: ChatUsage | null;
  /** How many tokens the content is of; in chunks with content. */
  tokens?: number;
  /** In the chunk that carries the finish reason. */
  stats?: GenerateStats;
}
