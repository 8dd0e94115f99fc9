// OpenAI's HTTP surface, `Request` to `Response`: knows neither a server nor a service worker.
import { type ChatCompletionChunk, type ChatCompletionParams } from '../completions/chat.ts';
import { type CompletionChunk, type CompletionParams } from '../completions/completions.ts';
import { type CreateOptions } from '../create.ts';
import { type EmbeddingParams } from '../embeddings.ts';
import { type RerankParams } from '../rerank.ts';
import { type ResponseEvent, type ResponseParams } from '../responses/types.ts';
import { anySignal } from '../../signals.ts';
import { type Surface } from '../surface.ts';
import { readObject } from './body.ts';
import { errorResponse, HttpError } from './errors.ts';
import { json, jsonLater } from './json.ts';
import { eventStream } from './sse.ts';

export type Handler = (request: Request) => Promise<Response>;

export interface HandlerOptions {
  /** Longest body of a request. Default 16 MiB. */
  maxBodyBytes?: number;
  /**
   * Whether the head of a whole answer is sent as its prompt is run, not with its text: where nobody is told before then that a request was closed.
   * What goes wrong later breaks the body off. Default false.
   */
  headFirst?: boolean;
}

interface How {
  signal: AbortSignal;
  headFirst: boolean;
}

type Method = 'GET' | 'POST';
/** What answers at a path below `/v1/`; `name` is what follows it. */
type Route = (surface: Surface, params: Record<string, unknown>, how: How, name: string) => Promise<Response>;

/** Of a chunk that the engine has no part in. */
const isBegin = ({ tokens, stats }: ChatCompletionChunk | CompletionChunk): boolean => tokens === undefined && stats === undefined;
const done = 'data: [DONE]\n\n';

const routes: Record<string, [Method, Route]> = {
  models: ['GET', listModels],
  'chat/completions': ['POST', complete],
  completions: ['POST', completeText],
  responses: ['POST', respond],
  embeddings: ['POST', async ({ embeddings }, params, { signal }) => json(await embeddings.create(params as never as EmbeddingParams, { signal }))],
  rerank: ['POST', async ({ rerank }, params, { signal }) => json(await rerank.create(params as never as RerankParams, { signal }))],
};

/**
 * Answers what is below `/v1/`, errors as OpenAI's servers tell them. A request whose signal is
 * aborted, or whose body of events is cancelled, stops in the engine. Never rejects.
 */
export function createHandler(surface: Surface, { maxBodyBytes = 2 ** 24, headFirst = false }: HandlerOptions = {}): Handler {
  return async (request) => {
    try {
      const { method, run, name } = find(request);
      const params = method === 'POST' ? await readObject(request, maxBodyBytes) : {};
      if ('signal' in params)
        throw new HttpError(400, 'unsupported_parameter', 'The parameter signal is not supported in a body. Leave it out, and close the request to stop it.');
      return await run(surface, params, { signal: request.signal, headFirst }, name);
    } catch (error) {
      return errorResponse(error);
    }
  };
}

/** What a request asks for. `name`: what follows the route in its path. */
function find({ url, method: given }: Request): { method: Method; run: Route; name: string } {
  const { pathname } = new URL(url);
  const path = /\/v1\/(.*?)\/?$/.exec(pathname)?.[1] ?? '';
  const [route, name] = path.startsWith('models/') ? ['models', path.slice('models/'.length)] : [path, ''];
  if (!Object.hasOwn(routes, route)) {
    const known = Object.keys(routes).map((each) => `/v1/${each}`).join(', ');
    throw new HttpError(404, 'not_found', `There is nothing at ${pathname}. There are ${known}.`);
  }
  const [method, run] = routes[route];
  if (given !== method) throw new HttpError(405, 'method_not_allowed', `The method is ${given}; here it must be ${method}.`, { allow: method });
  return { method, run, name: decode(name) };
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // then it names no model
  }
}

async function listModels({ models }: Surface, _params: object, _how: object, name: string): Promise<Response> {
  const list = await models.list();
  if (!name) return json(list);
  const model = list.data.find(({ id }) => id === name);
  if (!model) throw new HttpError(404, 'model_not_found', `There is no model ${name}. There is ${list.data.map(({ id }) => id).join(', ')}.`);
  return json(model);
}

/** Reasoning comes apart, as llama.cpp's server has it: a program that shows the content, or gives it back, knows no marks. */
function complete({ chat }: Surface, params: Record<string, unknown>, how: How): Promise<Response> {
  const asked = { ...params, reasoning_format: params.reasoning_format ?? 'auto' };
  return answer(params, how, (options) => chat.completions.create(asked as never as ChatCompletionParams, options), chunksOf);
}

function respond({ responses }: Surface, params: Record<string, unknown>, how: How): Promise<Response> {
  return answer(params, how, (options) => responses.create(params as never as ResponseParams, options), eventsOf);
}

function completeText({ completions }: Surface, params: Record<string, unknown>, how: How): Promise<Response> {
  return answer(params, how, (options) => completions.create(params as never as CompletionParams, options), chunksOf);
}

const chunksOf = (chunks: AsyncIterableIterator<ChatCompletionChunk | CompletionChunk>): Promise<Response> => eventStream(chunks, { isBegin, end: done });

function eventsOf(events: AsyncIterableIterator<ResponseEvent>): Promise<Response> {
  const isFirst = ({ type }: ResponseEvent): boolean => type === 'response.created' || type === 'response.in_progress';
  return eventStream(events, { isBegin: isFirst, nameOf: ({ type }) => type });
}

/** A stream as `toEvents` has it, a whole answer as JSON. */
async function answer<Item>(
  { stream }: Record<string, unknown>,
  { signal, headFirst }: How,
  ask: (options: CreateOptions) => Promise<object>,
  toEvents: (items: AsyncIterableIterator<Item>) => Promise<Response>,
): Promise<Response> {
  if (stream) return toEvents((await ask({ signal })) as AsyncIterableIterator<Item>);
  if (!headFirst) return json(await ask({ signal }));
  return new Promise((resolve, reject) => {
    const closed = new AbortController();
    let isSent = false;
    const onBegun = () => {
      isSent = true;
      resolve(jsonLater(asked, () => closed.abort()));
    };
    const asked = ask({ signal: anySignal([signal, closed.signal]), onBegun });
    asked.then((answered) => isSent || resolve(json(answered)), reject); // rejects without effect once the head was sent
  });
}
