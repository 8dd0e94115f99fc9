// What `windrow serve` is around its engine (handler, guard, Node's HTTP server), over scripted answers: the modules of an engine need Vite.
import { type AddressInfo } from 'node:net';
import { type ChatCompletionChunk, type ChatCompletionParams } from '../../src/api/completions/chat.ts';
import { createHandler } from '../../src/api/http/handler.ts';
import { type Surface } from '../../src/api/surface.ts';
import { guarded } from '../../src/cli/serve/guard.ts';
import { createHttpServer } from '../../src/cli/serve/node-http.ts';

export interface ScriptedServer {
  /** As in `127.0.0.1:4711`. */
  host: string;
  /** Of all requests in order, preflights apart. */
  paths: string[];
  asked: ChatCompletionParams[];
  /** How many answers were left before their end. */
  readonly stopped: number;
  /** Ends all connections where they are, and goes on listening. */
  breakOff(): void;
  close(): void;
}

/** Of two models, `small` and `big`, for pages of `origin` that have `apiKey`. An answer is what `says` gives then, a turn of the event loop apart. */
export async function startScriptedServer(origin: string, says: () => string[], apiKey?: string): Promise<ScriptedServer> {
  const paths: string[] = [];
  const asked: ChatCompletionParams[] = [];
  let stopped = 0;
  async function* answer(params: ChatCompletionParams, signal?: AbortSignal): AsyncGenerator<ChatCompletionChunk> {
    asked.push(params);
    const words = says();
    const head = { id: 'a', object: 'chat.completion.chunk' as const, created: 0, model: 'any' };
    let isOver = false;
    try {
      for (const content of words) {
        await new Promise((resolve) => setTimeout(resolve));
        if (signal?.aborted) return;
        yield { ...head, tokens: 1, choices: [{ index: 0, delta: { content }, finish_reason: null, logprobs: null }] };
      }
      isOver = true;
      const stats = { promptTokens: 7, cachedTokens: 0, newTokens: words.length, prefillMs: 1, decodeMs: 10, gpuBytesPeak: 0 };
      yield { ...head, stats, choices: [{ index: 0, delta: {}, finish_reason: 'stop', logprobs: null }] };
      const usage = { prompt_tokens: 7, completion_tokens: words.length, total_tokens: 7 + words.length, prompt_tokens_details: { cached_tokens: 0 } };
      yield { ...head, choices: [], usage };
    } finally {
      if (!isOver) stopped++;
    }
  }
  const create = async (params: ChatCompletionParams, { signal }: { signal?: AbortSignal } = {}) => answer(params, signal);
  const data = ['small', 'big'].map((id) => ({ id, object: 'model' as const, created: 0, owned_by: 'windrow' }));
  const surface = { chat: { completions: { create } }, models: { list: async () => ({ object: 'list', data }) } };
  const guard = guarded(createHandler(surface as unknown as Surface), { apiKey, origins: [origin], isLocal: true });
  const server = createHttpServer((request) => {
    if (request.method !== 'OPTIONS') paths.push(new URL(request.url).pathname);
    return guard(request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    asked,
    get stopped() {
      return stopped;
    },
    breakOff: () => server.closeAllConnections(),
    close: () => server.close().closeAllConnections(),
  };
}
