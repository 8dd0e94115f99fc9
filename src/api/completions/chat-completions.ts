// OpenAI's `chat.completions.create`: the answer to a conversation.
import { type Token, type ToolCallDelta } from '../../protocol.ts';
import { type Backend } from '../backend.ts';
import { type ChatCompletion, type ChatCompletionChunk, type ChatCompletionParams, type ChatFinishReason } from './chat.ts';
import { createOver, type Create } from '../create.ts';
import { chatLogprobs } from './logprobs.ts';
import { toChatRequests } from './parameters.ts';
import { applyReasoningEffort } from './reasoning-effort.ts';
import { callDelta, wholeCalls } from './tools.ts';

export interface ChatCompletions {
  /**
   * Answers a conversation. The request starts at once, and several may be open; an error that comes later than the
   * checks of the parameters is thrown by the stream's loop. Leaving that loop early stops the request.
   * @throws RequestError for a parameter out of range; UnsupportedModelError, BudgetError or DeviceError from the engine.
   */
  create: Create<ChatCompletionParams, ChatCompletion, ChatCompletionChunk>;
}

const piece = (
  index: number,
  delta: ChatCompletionChunk['choices'][number]['delta'],
  finish_reason: ChatFinishReason | null = null,
  tokens?: Token[],
): ChatCompletionChunk['choices'][number] => ({ index, delta, finish_reason, logprobs: chatLogprobs(tokens) });

/** What was said, as a message. */
export const messageOf = ({ text, reasoning, calls }: { text: string; reasoning: string; calls: readonly ToolCallDelta[] }) => ({
  role: 'assistant' as const,
  content: calls.length && !text ? null : text,
  ...(reasoning && { reasoning_content: reasoning }),
  ...(calls.length && { tool_calls: wholeCalls(calls) }),
});

export const chatCompletions = (backend: Backend): ChatCompletions => ({
  create: createOver(backend, (params: ChatCompletionParams) => toChatRequests(applyReasoningEffort(params, backend.info)), (index) => ({
    id: 'chatcmpl',
    object: 'chat.completion',
    chunkObject: 'chat.completion.chunk',
    whole: ({ text, reasoning, calls, reason: finish_reason }, tokens): ChatCompletion['choices'][0] => ({
      index,
      message: { ...messageOf({ text, reasoning, calls }), refusal: null },
      finish_reason,
      logprobs: chatLogprobs(tokens),
    }),
    begin: piece(index, { role: 'assistant', content: '' }),
    piece: (content, tokens, { reasoning, calls } = {}) => {
      const others = { ...(reasoning && { reasoning_content: reasoning }), ...(calls && { tool_calls: calls.map(callDelta) }) };
      return piece(index, { ...(content || !Object.keys(others).length ? { content } : {}), ...others }, null, tokens);
    },
    end: (reason) => piece(index, {}, reason),
  })),
});
