// The same surface for a model elsewhere: on a server that answers OpenAI's HTTP requests (vLLM, SGLang, llama.cpp, Ollama, `windrow serve`).
// What is asked leaves this device.
import { RequestError, shown } from '../../errors.ts';
import { type ChatCompletions } from '../completions/chat-completions.ts';
import { type Completions } from '../completions/completions.ts';
import { type Create } from '../create.ts';
import { type Embeddings } from '../embeddings.ts';
import { type ModelList } from '../models.ts';
import { AsyncQueue } from '../queue.ts';
import { type Rerank } from '../rerank.ts';
import { responses } from '../responses/responses.ts';
import { type Surface } from '../surface.ts';
import { toServerUrl } from './address.ts';
import { toChunks, toCounted, toWhole } from './answers.ts';
import { askServer, eventsOfServer, hostOf, type Server } from './server.ts';

export interface RemoteOptions {
  /** Where the server's surface begins, as in `http://localhost:11434/v1`. */
  url: string;
  /** Its name, as the server lists it. Default: the first of the list. */
  model?: string;
  /** Sent as `Authorization: Bearer KEY` to `url` alone; kept in memory, as long as the engine is. */
  key?: string;
  /** Sent with each request. */
  headers?: Record<string, string>;
  /** Ends the first question to the server. */
  signal?: AbortSignal;
}

export interface RemoteEngine extends Surface {
  /** `server`: where everything that is asked goes. */
  readonly info: { readonly id: string; readonly name: string; readonly server: string };
  /** Ends what is under way; open and later calls reject with a RequestError. */
  unload(): Promise<void>;
}

/**
 * Asks the server which models it has, and gives an engine that has it answer. Parameters go to it as they are: defaults and what is not
 * known are its own affair. Responses are made here, of its chats.
 * @throws RequestError for a wrong address, key or model; Error where it cannot be reached. Rejects with the signal's reason.
 */
export async function createRemoteEngine({ url, model, key, headers = {}, signal }: RemoteOptions): Promise<RemoteEngine> {
  if (key !== undefined && !/^[\x21-\x7e]*$/.test(key))
    throw new RequestError('The key has characters that no key has: spaces, line ends or letters with marks.');
  const closing = new AbortController();
  const server: Server = { url: toServerUrl(url), headers: { ...headers, ...(key && { authorization: `Bearer ${key}` }) }, closed: closing.signal };
  const list = await listOf(server, signal);
  const name = model ?? list.data[0]?.id;
  if (!name) throw new RequestError(`The server at ${hostOf(server)} lists no model. Give its name as model.`, { code: 'not_found' });
  const info = { id: `${server.url} ${name}`, name, server: server.url };
  const chat: ChatCompletions = { create: createOver(server, 'chat/completions', name) as ChatCompletions['create'] };
  return {
    info,
    chat: { completions: chat },
    completions: { create: createOver(server, 'completions', name) as Completions['create'] },
    responses: responses({ info }, chat, { temperature: null, top_p: null }), // where nothing is asked, the server's are not known
    embeddings: { create: askOver(server, 'embeddings', name) as Embeddings['create'] },
    rerank: { create: askOver(server, 'rerank', name) as Rerank['create'] },
    models: { list: () => listOf(server) },
    async unload() {
      closing.abort(new RequestError('The engine was unloaded. Connect to the server again.', { code: 'not_loaded' }));
    },
  };
}

async function listOf(server: Server, signal?: AbortSignal): Promise<ModelList> {
  const told = (await askServer(server, 'models', undefined, signal)) as { data?: unknown } | null;
  if (!Array.isArray(told?.data)) throw new Error(`The server at ${hostOf(server)} gives no list of models: ${shown(told)}. Check its address.`);
  const data = (told.data as { id?: unknown; created?: number; owned_by?: string }[]).filter((each) => typeof each?.id === 'string');
  return { object: 'list', data: data.map(({ id, created = 0, owned_by = '' }) => ({ id: id as string, object: 'model', created, owned_by })) };
}

interface Params {
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  reasoning_format?: string | null;
  signal?: AbortSignal;
}

const bodyOf = (params: Params, model: string): object => ({
  ...params,
  model,
  signal: undefined,
  reasoning_format: params.reasoning_format === 'auto' ? undefined : params.reasoning_format, // apart is how servers have it by themselves
});

/** An answer whole or in chunks, as the server has it. */
function createOver(server: Server, path: string, model: string): Create<Params, unknown, unknown> {
  const create = async (params: Params, options: { signal?: AbortSignal } = {}): Promise<unknown> => {
    const signal = params.signal ?? options.signal;
    signal?.throwIfAborted();
    server.closed.throwIfAborted();
    const since = performance.now();
    const body = bodyOf(params, model);
    if (!params.stream) return toWhole(await askServer(server, path, body, signal), since);
    const asked = { ...body, stream_options: { ...params.stream_options, include_usage: true } };
    const leaving = new AbortController();
    const queue = new AsyncQueue<unknown>(() => leaving.abort());
    const stop = (): void => {
      leaving.abort();
      queue.close({ drop: true });
    };
    signal?.addEventListener('abort', stop);
    const broken = () => new Error(`The server at ${hostOf(server)} ended the answer in its middle.`);
    const run = async (): Promise<void> => {
      const events = eventsOfServer(server, path, asked, leaving.signal);
      const how = { since, isChat: path.startsWith('chat'), withUsage: params.stream_options?.include_usage === true, broken };
      for await (const chunk of toChunks(events, how)) queue.push(chunk);
      queue.close();
    };
    void run()
      .catch((error: Error) => queue.close({ error }))
      .finally(() => signal?.removeEventListener('abort', stop));
    return queue;
  };
  return create as Create<Params, unknown, unknown>;
}

const askOver = (server: Server, path: string, model: string) => async (params: Params, options: { signal?: AbortSignal } = {}): Promise<unknown> => {
  const since = performance.now();
  return toCounted(await askServer(server, path, bodyOf(params, model), params.signal ?? options.signal), since);
};
