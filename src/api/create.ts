// OpenAI's `create` over a worker's requests: the whole answer, or chunks as they come. Knows no ports, and of the answers'
// shapes only what all have.
import { type GenerateRequest, type GenerateStats, type Token } from '../protocol.ts';
import { type ChatFinishReason, type ChatUsage } from './chat.ts';
import { type Connection } from './connection.ts';
import { AsyncQueue } from './queue.ts';
import { startRequest } from './request.ts';
import { randomId } from '../random.ts';

export interface Create<Params, Whole, Chunk> {
  (params: Params & { stream: true }, options?: { signal?: AbortSignal }): Promise<AsyncIterableIterator<Chunk>>;
  (params: Params & { stream?: false | null }, options?: { signal?: AbortSignal }): Promise<Whole>;
  (params: Params, options?: { signal?: AbortSignal }): Promise<Whole | AsyncIterableIterator<Chunk>>;
}

/** The choices of an answer, and what it is called. `tokens`: those of the text, if log-probabilities are asked for. */
export interface Shape {
  id: string;
  object: string;
  chunkObject: string;
  whole(text: string, reason: ChatFinishReason, tokens?: Token[]): object;
  /** Of chunks: before the text, if anything; a piece of it; its end. */
  begin?: object;
  piece(text: string, tokens?: Token[]): object;
  end(reason: ChatFinishReason): object;
}

interface Params {
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  signal?: AbortSignal;
}

/** `toRequest` checks the parameters; `shapeOf` gives the shape of one answer, which has to be that of `Whole` and `Chunk`. */
export function createOver<P extends Params, Whole, Chunk>(connection: Connection, model: string, toRequest: (params: P) => GenerateRequest, shapeOf: () => Shape): Create<P, Whole, Chunk> {
  const create = async (params: P, options: { signal?: AbortSignal } = {}): Promise<unknown> => {
    const request = toRequest(params);
    const signal = params.signal ?? options.signal;
    signal?.throwIfAborted();
    const shape = shapeOf();
    const head = { id: `${shape.id}-${randomId()}`, created: Math.floor(Date.now() / 1000), model };

    const told = request.sampling?.logprobs !== undefined;

    if (!params.stream) {
      return new Promise((resolve, reject) => {
        let text = '';
        const made: Token[] = [];
        startRequest(connection, request, signal, {
          tokens(more, tokens) {
            text += more;
            made.push(...tokens);
          },
          done: (reason, stats) => resolve({ ...head, object: shape.object, choices: [shape.whole(text, reason, told ? made : undefined)], usage: usageOf(stats), stats }),
          stopped: () => reject(signal?.reason ?? new DOMException('The worker ended the request.', 'AbortError')),
          failed: reject,
        });
      });
    }

    const withUsage = params.stream_options?.include_usage === true;
    const chunk = (...choices: object[]): object => ({ ...head, object: shape.chunkObject, choices, ...(withUsage ? { usage: null } : {}) });
    const queue = new AsyncQueue<object>(() => stop());
    if (shape.begin) queue.push(chunk(shape.begin));
    const stop = startRequest(connection, request, signal, {
      tokens: (text, tokens) => queue.push({ ...chunk(shape.piece(text, told ? tokens : undefined)), tokens: tokens.length }),
      done: (reason, stats) => {
        queue.push({ ...chunk(shape.end(reason)), stats });
        if (withUsage) queue.push({ ...chunk(), usage: usageOf(stats) });
        queue.close();
      },
      stopped: () => queue.close({ drop: true }),
      failed: (error) => queue.close({ error }),
    });
    return queue;
  };
  return create as Create<P, Whole, Chunk>;
}

const usageOf = (stats: GenerateStats): ChatUsage => ({
  prompt_tokens: stats.promptTokens,
  completion_tokens: stats.newTokens,
  total_tokens: stats.promptTokens + stats.newTokens,
  prompt_tokens_details: { cached_tokens: stats.cachedTokens },
});
