// The shapes of OpenAI's responses, of text, reasoning and calls of functions. Types only.
import { type GenerateStats } from '../../protocol.ts';
import { type SamplingParams, type TemplateOptions } from '../completions/chat.ts';
import { type ReasoningEffort } from '../completions/reasoning-effort.ts';

export interface ResponseTextPart {
  type: 'input_text' | 'output_text';
  text: string;
}

/** A turn of the conversation; answers go back as they came. */
export interface ResponseInputMessage {
  type?: 'message';
  role: 'system' | 'developer' | 'user' | 'assistant';
  content: string | ResponseTextPart[];
  id?: string;
  status?: string;
}

/** A call that the model made, as it came in `output`. */
export interface ResponseInputCall {
  type: 'function_call';
  call_id: string;
  name: string;
  /** JSON of an object. */
  arguments: string;
  id?: string;
  status?: string;
}

/** What a called function gave. */
export interface ResponseCallOutput {
  type: 'function_call_output';
  call_id: string;
  output: string | ResponseTextPart[];
  id?: string | null;
  status?: string | null;
}

/** What the model thought, as it came in `output`. */
export interface ResponseInputReasoning {
  type: 'reasoning';
  content?: { type: 'reasoning_text'; text: string }[];
  summary?: unknown[];
  id?: string;
  status?: string;
}

export type ResponseInputItem = ResponseInputMessage | ResponseInputCall | ResponseCallOutput | ResponseInputReasoning;

/** A function that the model may call. */
export interface ResponseTool {
  type: 'function';
  name: string;
  description?: string | null;
  /** The JSON schema of an object, which arguments always pass: `strict` changes nothing. */
  parameters: Record<string, unknown> | null;
  strict: boolean | null;
}

export type ResponseToolChoice = 'none' | 'auto' | 'required' | { type: 'function'; name: string };

/** The form of the text; `json_schema`: JSON that passes the schema, always. */
export type ResponseTextFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | { type: 'json_schema'; name: string; schema: Record<string, unknown>; description?: string; strict?: boolean | null };

/** Sampling, grammars, priorities, targets and variables of the template are as in chats. */
export interface ResponseParams extends Omit<SamplingParams, 'n' | 'stream_options' | 'stop'>, TemplateOptions {
  input: string | ResponseInputItem[];
  /** Stands before the conversation, for this answer alone. */
  instructions?: string | null;
  /** Goes on from an answer of this engine, which is kept in memory unless `store` is false. */
  previous_response_id?: string | null;
  /** Default true. */
  store?: boolean | null;
  max_output_tokens?: number | null;
  reasoning?: { effort?: ReasoningEffort | null } | null;
  tools?: ResponseTool[] | null;
  /** Default `auto`. */
  tool_choice?: ResponseToolChoice | null;
  /** Whether there may be several calls. Default true. */
  parallel_tool_calls?: boolean | null;
  text?: { format?: ResponseTextFormat | null } | null;
  /** `auto`: where the conversation is too long its oldest turns are left out. Default `disabled`: an error. */
  truncation?: 'auto' | 'disabled' | null;
  /** Given back with the answer. */
  metadata?: Record<string, string> | null;
}

export interface ResponseOutputText {
  type: 'output_text';
  text: string;
  annotations: [];
}

export interface ResponseReasoningText {
  type: 'reasoning_text';
  text: string;
}

/** `incomplete`: cut, by the most tokens or by a server's filter. */
export type ResponseItemStatus = 'in_progress' | 'completed' | 'incomplete';

export interface ResponseOutputMessage {
  type: 'message';
  id: string;
  role: 'assistant';
  status: ResponseItemStatus;
  content: ResponseOutputText[];
}

export interface ResponseFunctionCall {
  type: 'function_call';
  id: string;
  call_id: string;
  name: string;
  arguments: string;
  status: ResponseItemStatus;
}

export interface ResponseReasoning {
  type: 'reasoning';
  id: string;
  summary: [];
  content: ResponseReasoningText[];
  status: ResponseItemStatus;
}

export type ResponseOutputItem = ResponseOutputMessage | ResponseFunctionCall | ResponseReasoning;

export interface ResponseUsage {
  input_tokens: number;
  input_tokens_details: { cached_tokens: number; cache_write_tokens: number };
  output_tokens: number;
  /** Tokens that came as reasoning alone. */
  output_tokens_details: { reasoning_tokens: number };
  total_tokens: number;
  /** If the request named targets. */
  targets?: GenerateStats['targets'];
}

export interface Response {
  id: string;
  object: 'response';
  /** Seconds since 1970. */
  created_at: number;
  status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  error: { code: 'server_error'; message: string } | null;
  incomplete_details: { reason: 'max_output_tokens' | 'content_filter' } | null;
  instructions: string | null;
  max_output_tokens: number | null;
  metadata: Record<string, string> | null;
  model: string;
  /** In the order in which the model said them. */
  output: ResponseOutputItem[];
  /** The text of all messages of `output`. */
  output_text: string;
  parallel_tool_calls: boolean;
  previous_response_id: string | null;
  temperature: number | null;
  text: { format: ResponseTextFormat };
  tool_choice: ResponseToolChoice;
  tools: ResponseTool[];
  top_p: number | null;
  truncation: 'auto' | 'disabled';
  /** These two once the answer has ended: with the last event. */
  usage?: ResponseUsage;
  stats?: GenerateStats;
}

/** Where an item stands in `output`, and the number of its event, from 0. */
interface Placed {
  sequence_number: number;
  item_id: string;
  output_index: number;
}

/** Of a part of an item's content: there is one. */
interface InPart extends Placed {
  content_index: 0;
}

/**
 * `created`, `in_progress`; for each item `output_item.added`, the pieces of its content, and `output_item.done`; then `completed`, or
 * `incomplete` or `failed` in its place. Texts and reasoning are within `content_part.added` and `.done`, with `delta` as often as text
 * comes, and then `done`; arguments of calls have no parts.
 */
export type ResponseEvent =
  | { type: `response.${'created' | 'in_progress' | 'completed' | 'incomplete' | 'failed'}`; sequence_number: number; response: Response }
  | { type: 'response.output_item.added' | 'response.output_item.done'; sequence_number: number; output_index: number; item: ResponseOutputItem }
  | ({ type: 'response.content_part.added' | 'response.content_part.done'; part: ResponseOutputText | ResponseReasoningText } & InPart)
  | ({ type: 'response.output_text.delta'; delta: string; logprobs: [] } & InPart)
  | ({ type: 'response.output_text.done'; text: string; logprobs: [] } & InPart)
  | ({ type: 'response.reasoning_text.delta'; delta: string } & InPart)
  | ({ type: 'response.reasoning_text.done'; text: string } & InPart)
  | ({ type: 'response.function_call_arguments.delta'; delta: string } & Placed)
  | ({ type: 'response.function_call_arguments.done'; name: string; arguments: string } & Placed);
