// Answers of `chat.completions.create` in the AI SDK's words.
import {
  type JSONObject, type LanguageModelV4Content, type LanguageModelV4FinishReason, type LanguageModelV4Usage, type SharedV4ProviderMetadata,
} from '@ai-sdk/provider';
import { type ChatChoice, type ChatFinishReason, type ChatUsage } from '../api/completions/chat.ts';
import { type GenerateStats } from '../protocol.ts';
import { providerName } from './engine.ts';

export function toContent({ content, reasoning_content: reasoning, tool_calls: calls = [] }: ChatChoice['message']): LanguageModelV4Content[] {
  return [
    ...(reasoning ? [{ type: 'reasoning' as const, text: reasoning }] : []),
    ...(content ? [{ type: 'text' as const, text: content }] : []),
    ...calls.map(({ id, function: called }) => ({
      type: 'tool-call' as const,
      toolCallId: id,
      toolName: called.name,
      input: called.arguments,
    })),
  ];
}

export const toFinishReason = (reason: ChatFinishReason): LanguageModelV4FinishReason => ({
  unified: reason === 'tool_calls' ? 'tool-calls' : reason === 'content_filter' ? 'content-filter' : reason,
  raw: reason,
});

/** What of an answer the AI SDK has no place for; it is JSON, which an interface's type cannot say. */
export const toMetadata = (stats: GenerateStats | undefined): SharedV4ProviderMetadata | undefined =>
  stats && { [providerName]: { stats: { ...stats } as unknown as JSONObject } };

/** Without an argument, of an answer that came to no end. */
export function toUsage(usage?: ChatUsage): LanguageModelV4Usage {
  const cached = usage?.prompt_tokens_details.cached_tokens;
  const reasoning = usage?.completion_tokens_details?.reasoning_tokens;
  return {
    inputTokens: {
      total: usage?.prompt_tokens,
      noCache: usage && usage.prompt_tokens - cached!,
      cacheRead: cached,
      cacheWrite: undefined,
    },
    outputTokens: { total: usage?.completion_tokens, text: reasoning === undefined ? undefined : usage!.completion_tokens - reasoning, reasoning },
    ...(usage && { raw: { ...usage } }),
  };
}
