// OpenAI's `chat.completions.create` over a worker's requests. Knows no ports.
import { type GenerateStats } from '../protocol.ts';
import { type ChatCompletion, type ChatCompletionChunk, type ChatCompletionParams, type ChatUsage } from './chat.ts';
import { type Connection } from './connection.ts';
import { toGenerateRequest } from './parameters.ts';
import { AsyncQueue } from './queue.ts';
import { startRequest } from './request.ts';

export interface ChatCompletions {
  /**
   * Answers a conversation. The request starts at once, and several may be open; an error that comes later than the
   * checks of the parameters is thrown by the stream's loop. Leaving that loop early stops the request.
   * @throws RequestError for a parameter out of range; UnsupportedModelError, BudgetError or DeviceError from the engine.
   */
  create(params: ChatCompletionParams & { stream: true }, options?: { signal?: AbortSignal }): Promise<AsyncIterableIterator<ChatCompletionChunk>>;
  create(params: ChatCompletionParams & { stream?: false | null }, options?: { signal?: AbortSignal }): Promise<ChatCompletion>;
  create(params: ChatCompletionParams, options?: { signal?: AbortSignal }): Promise<ChatCompletion | AsyncIterableIterator<ChatCompletionChunk>>;
}

export function chatCompletions(connection: Connection, model: string): ChatCompletions {
  const create = async (params: ChatCompletionParams, options: { signal?: AbortSignal } = {}): Promise<unknown> => {
    const request = toGenerateRequest(params);
    const signal = params.signal ?? options.signal;
    signal?.throwIfAborted();
    const head = { id: `chatcmpl-${crypto.randomUUID()}`, created: Math.floor(Date.now() / 1000), model };

    if (!params.stream) {
      return new Promise<ChatCompletion>((resolve, reject) => {
        let content = '';
        startRequest(connection, request, signal, {
          tokens: (text) => (content += text),
          done: (reason, stats) =>
            resolve({
              ...head,
              object: 'chat.completion',
              choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: reason, logprobs: null }],
              usage: usageOf(stats),
              stats,
            }),
          stopped: () => reject(signal?.reason ?? new DOMException('The worker ended the request.', 'AbortError')),
          failed: reject,
        });
      });
    }

    type Choice = ChatCompletionChunk['choices'][number];
    const withUsage = params.stream_options?.include_usage === true;
    const chunk = (delta: Choice['delta'], reason: Choice['finish_reason'] = null): ChatCompletionChunk => ({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: reason, logprobs: null }],
      ...(withUsage ? { usage: null } : {}),
    });
    const queue = new AsyncQueue<ChatCompletionChunk>(() => stop());
    queue.push(chunk({ role: 'assistant', content: '' }));
    const stop = startRequest(connection, request, signal, {
      tokens: (text, tokens) => queue.push({ ...chunk({ content: text }), tokens }),
      done: (reason, stats) => {
        queue.push({ ...chunk({}, reason), stats });
        if (withUsage) queue.push({ ...chunk({}), choices: [], usage: usageOf(stats) });
        queue.close();
      },
      stopped: () => queue.close({ drop: true }),
      failed: (error) => queue.close({ error }),
    });
    return queue;
  };
  return { create: create as ChatCompletions['create'] };
}

const usageOf = (stats: GenerateStats): ChatUsage => ({
  prompt_tokens: stats.promptTokens,
  completion_tokens: stats.newTokens,
  total_tokens: stats.promptTokens + stats.newTokens,
  prompt_tokens_details: { cached_tokens: stats.cachedTokens },
});
