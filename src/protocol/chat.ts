// Messages of a chat, functions that an answer may call, and what it says beside its text. Types only.

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  /** Of the assistant: functions that it called; `arguments` are an object, as templates want them. */
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: unknown } }[];
  /** Of a function's result: the call that it answers, and the function's name. */
  tool_call_id?: string;
  name?: string;
  /** Of the assistant: what it thought before it answered. */
  reasoning_content?: string;
  /** Of the assistant, as the last message: the beginning of the answer, which goes on from there. */
  prefix?: true;
}

/** Functions that an answer may call. */
export interface ToolRequest {
  tools: { name: string; description?: string; parameters?: unknown }[];
  /** Whether it has to call one. */
  required: boolean;
  /** Whether it may call several. */
  parallel: boolean;
}

/** A piece of a call: the id and the name come first, then the arguments, which together are JSON. */
export interface ToolCallDelta {
  /** Of the calls of an answer, from 0. */
  index: number;
  id?: string;
  name?: string;
  arguments: string;
}

/** What an answer says beside its text, where it is asked to be taken apart. */
export interface Said {
  reasoning?: string;
  calls?: ToolCallDelta[];
}
