// The shapes of OpenAI's responses, as far as text goes. Types only.
import { type SamplingParams } from '../completions/chat.ts';
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

/** Sampling is as in chats. */
export interface ResponseParams
  extends Omit<SamplingParams, 'n' | 'stream_options' | 'logprobs' | 'stop'> {
  input: string | ResponseInputMessage[];
  /** Stands before the conversation, for this answer alone. */
  instructions?: string | null;
  /** Goes on from an answer of this engine, which is kept in memory unless `store` is false. */
  previous_response_id?: string | null;
  /** Default true. */
  store?: boolean | null;
  max_output_tokens?: number | null;
  reasoning?: { effort?: ReasoningEffort | null } | null;
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

export interface ResponseOutputMessage {
  type: 'message';
  id: string;
  role: 'assistant';
  status: 'in_progress' | 'completed' | 'incomplete';
  content: ResponseOutputText[];
}

export interface ResponseUsage {
  input_tokens: number;
  input_tokens_details: { cached_tokens: number; cache_write_tokens: number };
  output_tokens: number;
  output_tokens_details: { reasoning_tokens: number };
  total_tokens: number;
}

export interface Response {
  id: string;
  object: 'response';
  /** Seconds since 1970. */
  created_at: number;
  status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  error: { code: 'server_error'; message: string } | null;
  incomplete_details: { reason: 'max_output_tokens' } | null;
  instructions: string | null;
  max_output_tokens: number | null;
  metadata: Record<string, string> | null;
  model: string;
  output: ResponseOutputMessage[];
  /** The text of all of `output`. */
  output_text: string;
  parallel_tool_calls: boolean;
  previous_response_id: string | null;
  temperature: number | null;
  text: { format: { type: 'text' } };
  tool_choice: 'auto';
  tools: [];
  top_p: number | null;
  truncation: 'auto' | 'disabled';
  usage?: ResponseUsage;
}

interface Placed {
  sequence_number: number;
  item_id: string;
  output_index: 0;
  content_index: 0;
}

/** In this order; `delta` as often as text comes. `failed` or `incomplete` may come in place of `completed`. */
export type ResponseEvent =
  | { type: `response.${'created' | 'in_progress' | 'completed' | 'incomplete' | 'failed'}`; sequence_number: number; response: Response }
  | { type: 'response.output_item.added' | 'response.output_item.done'; sequence_number: number; output_index: 0; item: ResponseOutputMessage }
  | ({ type: 'response.content_part.added' | 'response.content_part.done'; part: ResponseOutputText } & Placed)
  | ({ type: 'response.output_text.delta'; delta: string; logprobs: [] } & Placed)
  | ({ type: 'response.output_text.done'; text: string; logprobs: [] } & Placed);
