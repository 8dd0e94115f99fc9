// The surface against the types of the package `openai`, by the compiler alone (`npm run check`): what windrow takes of its parameters
// may be given as it is, and what windrow answers may be used where its answers may. No program runs this.
import { type ChatCompletion, type ChatCompletionChunk, type ChatCompletionParams, type ChatMessageParam } from '../../src/api/completions/chat.ts';
import { type Completion, type CompletionParams } from '../../src/api/completions/completions.ts';
import { type EmbeddingList, type EmbeddingParams } from '../../src/api/embeddings.ts';
import { type ModelList } from '../../src/api/models.ts';
import { type Response, type ResponseEvent, type ResponseInputItem, type ResponseParams, type ResponseTool } from '../../src/api/responses/types.ts';
import type OpenAI from 'openai';

/** An error of the compiler unless a `Given` may stand where a `Wanted` is needed. */
type Fits<Wanted, Given extends Wanted> = Given;

type Chat = OpenAI.ChatCompletionCreateParams;
type TheirChat = Pick<
  Chat,
  | 'stream_options' | 'temperature' | 'top_p' | 'seed' | 'n' | 'frequency_penalty' | 'presence_penalty' | 'logit_bias' | 'logprobs' | 'top_logprobs' | 'stop'
  | 'max_completion_tokens' | 'max_tokens' | 'reasoning_effort' | 'model' | 'user' | 'stream' | 'response_format' | 'parallel_tool_calls'
> & {
  tools?: OpenAI.ChatCompletionFunctionTool[];
  /** Of the named ones, those of functions; there are lists of allowed tools and custom tools beside them. */
  tool_choice?: Extract<OpenAI.ChatCompletionToolChoiceOption, string> | OpenAI.ChatCompletionNamedToolChoice;
};
type Raw = OpenAI.CompletionCreateParams;
type TheirRaw = Pick<
  Raw,
  | 'stream_options' | 'temperature' | 'top_p' | 'seed' | 'n' | 'frequency_penalty' | 'presence_penalty' | 'logit_bias' | 'logprobs' | 'stop' | 'max_tokens'
  | 'model' | 'user' | 'stream' | 'echo'
> & { prompt: NonNullable<Raw['prompt']> };

/** Of messages, those of text. */
type Text = string | OpenAI.ChatCompletionContentPartText[];
type TheirMessages =
  | OpenAI.ChatCompletionSystemMessageParam
  | OpenAI.ChatCompletionDeveloperMessageParam
  | (OpenAI.ChatCompletionUserMessageParam & { content: Text })
  | (OpenAI.ChatCompletionAssistantMessageParam & { content: Text })
  | OpenAI.ChatCompletionToolMessageParam;

export type Parameters = [
  Fits<Omit<ChatCompletionParams, 'messages'>, TheirChat>,
  Fits<ChatMessageParam, TheirMessages>,
  // OpenAI's answers go back to it as they are.
  Fits<Pick<ChatMessageParam, 'role'>, OpenAI.ChatCompletionMessage>,
  Fits<CompletionParams, TheirRaw>,
  Fits<EmbeddingParams, Pick<OpenAI.EmbeddingCreateParams, 'input' | 'dimensions' | 'encoding_format' | 'user'> & { model?: string }>,
];

type TheirResponse = Pick<
  OpenAI.Responses.ResponseCreateParams,
  | 'instructions' | 'previous_response_id' | 'store' | 'max_output_tokens' | 'truncation' | 'temperature' | 'top_p' | 'metadata' | 'stream' | 'user'
  | 'parallel_tool_calls'
> & {
  input: string;
  reasoning?: Pick<OpenAI.Reasoning, 'effort'>;
  tools?: OpenAI.Responses.FunctionTool[];
  tool_choice?: OpenAI.Responses.ToolChoiceOptions | OpenAI.Responses.ToolChoiceFunction;
  text?: Pick<OpenAI.Responses.ResponseTextConfig, 'format'>;
};

export type ResponseParameters = [
  Fits<ResponseParams, TheirResponse>,
  Fits<ResponseInputItem, OpenAI.Responses.EasyInputMessage & { content: string }>,
  Fits<ResponseInputItem, OpenAI.Responses.ResponseFunctionToolCall>,
  Fits<ResponseInputItem, OpenAI.Responses.ResponseInputItem.FunctionCallOutput & { output: string }>,
  Fits<ResponseTool, OpenAI.Responses.FunctionTool>,
  // Answers of windrow go back to it as they are.
  Fits<ResponseInputItem, Response['output'][number]>,
];

export type Answers = [
  Fits<OpenAI.Responses.Response, Response>,
  Fits<OpenAI.Responses.ResponseStreamEvent, ResponseEvent>,
  Fits<OpenAI.ChatCompletion, ChatCompletion>,
  Fits<OpenAI.ChatCompletionChunk, ChatCompletionChunk>,
  Fits<OpenAI.Completion, Completion>,
  Fits<OpenAI.CreateEmbeddingResponse, EmbeddingList>,
  Fits<{ object: string; data: OpenAI.Model[] }, ModelList>,
];
