// The handler over a scripted engine: paths, bodies, errors, streams, aborts. A real engine and OpenAI's client are in test/gpu.
import { expect, test } from 'vitest';
import { DeviceError, RequestError } from '../../errors.ts';
import { type GenerateRequest } from '../../protocol.ts';
import { generateStats, modelInfo } from '../../../test/doubles/fake-worker.ts';
import { type Backend } from '../backend.ts';
import { createSurface } from '../surface.ts';
import { createHandler, type HandlerOptions } from './handler.ts';

interface Fake {
  words?: string[];
  error?: Error;
  log?: string[];
}

/** Says its words a turn of the event loop apart, then fails or ends. */
const backendOf = ({ words = ['The', ' sea'], error, log = [] }: Fake): Backend => ({
  info: modelInfo,
  embed: () => Promise.reject(new Error('not asked here')),
  start(_request: GenerateRequest, signal, listener) {
    let over = false;
    const stop = (): void => {
      if (over) return;
      over = true;
      log.push('stopped');
      listener.stopped();
    };
    signal?.addEventListener('abort', stop);
    const say = (i: number): void => {
      if (over) return;
      if (i === 0 && words.length) listener.begun?.();
      if (i < words.length) listener.tokens(words[i], [{ id: i }]);
      else {
        over = true;
        if (error) listener.failed(error);
        else listener.done('stop', generateStats);
      }
      setTimeout(() => say(i + 1));
    };
    setTimeout(() => say(0));
    return stop;
  },
});
const handlerOf = (fake: Fake = {}, options?: HandlerOptions) => createHandler(createSurface(backendOf(fake)), options);
const post = (path: string, body: unknown, init: RequestInit = {}) =>
  new Request(`http://localhost/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), ...init });
const messages = [{ role: 'user', content: 'Hello' }];
const errorOf = async (response: Response) => ({ status: response.status, ...((await response.json()) as { error: { code: string; message: string } }).error });

test('answers whole, with the type of JSON', async () => {
  const response = await handlerOf()(post('chat/completions', { messages }));
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  expect(await response.json()).toMatchObject({ object: 'chat.completion', choices: [{ message: { content: 'The sea' } }], usage: { total_tokens: 10 } });
});

test.each(['chat/completions', 'completions', 'responses'])('%s whole, the head first: it is there before the text, which is the same', async (path) => {
  const body = { messages, prompt: 'Once', input: 'Hello' };
  const params = path === 'responses' ? { input: body.input } : path === 'completions' ? { prompt: body.prompt } : { messages };
  const told = async (response: Response) => {
    const answer = (await response.json()) as Record<string, unknown>;
    return JSON.stringify({ ...answer, id: typeof answer.id, created: 0, created_at: 0 }).replace(/(msg|resp)-\w+/g, '$1');
  };
  const response = await handlerOf({ log: [] }, { headFirst: true })(post(path, params));
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  expect(await told(response)).toEqual(await told(await handlerOf()(post(path, params))));
});

test('the head first: left before its text, an answer stops; what went wrong before has its status, and later breaks the body off', async () => {
  const log: string[] = [];
  const headFirst = { headFirst: true };
  const left = await handlerOf({ words: Array<string>(100).fill('a'), log }, headFirst)(post('completions', { prompt: 'Once' }));
  expect(log).toEqual([]);
  await left.body!.cancel();
  expect(log).toEqual(['stopped']);
  const error = new DeviceError('The GPU is lost.', { code: 'gpu_lost' });
  const failed = await handlerOf({ words: [], error }, headFirst)(post('completions', { prompt: 'Once' }));
  expect(await errorOf(failed)).toMatchObject({ status: 503, code: 'gpu_lost' });
  const broken = await handlerOf({ error }, headFirst)(post('completions', { prompt: 'Once' }));
  expect(broken.status).toBe(200);
  await expect(broken.json()).rejects.toThrow('The GPU is lost.');
});

test('the head first: of several prompts none is sent before all have begun', async () => {
  const { start, ...backend } = backendOf({});
  const failing = { start: backendOf({ words: [], error: new RequestError('The prompt is too long.', { code: 'context_length_exceeded' }) }).start };
  const isLong = ({ prompt }: GenerateRequest) => 'text' in prompt && prompt.text === 'long';
  const surface = createSurface({ ...backend, start: (request, ...rest) => (isLong(request) ? failing.start : start)(request, ...rest) });
  const handler = createHandler(surface, { headFirst: true });
  expect(await errorOf(await handler(post('completions', { prompt: ['Once', 'long'] })))).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  expect((await handler(post('completions', { prompt: ['Once', 'Twice'], n: 2 }))).status).toBe(200);
});

test('reasoning comes apart unless the request says otherwise', async () => {
  const asked: GenerateRequest[] = [];
  const backend = backendOf({});
  const handler = createHandler(createSurface({ ...backend, start: (request, ...rest) => (asked.push(request), backend.start(request, ...rest)) }));
  for (const params of [{}, { reasoning_format: null }, { reasoning_format: 'none' }]) await handler(post('chat/completions', { messages, ...params }));
  await handler(post('responses', { input: 'Hello' }));
  expect(asked.map(({ reasoningApart }) => reasoningApart)).toEqual([true, true, undefined, true]);
});

test('answers in events, each a line of JSON, with DONE at the end', async () => {
  const response = await handlerOf()(post('completions', { prompt: 'Once', stream: true }));
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const events = (await response.text()).split('\n\n');
  expect(events.slice(-2)).toEqual(['data: [DONE]', '']);
  const chunks = events.slice(0, -2).map((event) => JSON.parse(event.replace(/^data: /, '')) as { choices: { text: string }[] });
  expect(chunks.map(({ choices }) => choices[0].text)).toEqual(['The', ' sea', '']);
});

test('lists the model, and finds it by name', async () => {
  const get = (path: string) => handlerOf()(new Request(`http://localhost/app/v1/${path}`));
  expect(await (await get('models')).json()).toMatchObject({ object: 'list', data: [{ id: 'Fake 1M' }] });
  expect(await (await get('models/Fake%201M')).json()).toMatchObject({ id: 'Fake 1M', object: 'model' });
  expect(await errorOf(await get('models/other'))).toMatchObject({ status: 404, code: 'model_not_found' });
  expect(await errorOf(await get('models/%ff'))).toMatchObject({ status: 404, code: 'model_not_found' });
});

test.each<[string, Request, number, string]>([
  ['another path', post('audio/speech', {}), 404, 'not_found'],
  ['what objects inherit', post('constructor', {}), 404, 'not_found'],
  ['another method', new Request('http://localhost/v1/completions'), 405, 'method_not_allowed'],
  ['another type', post('completions', {}, { headers: { 'content-type': 'text/plain' } }), 415, 'unsupported_media_type'],
  ['no JSON', post('completions', 0, { body: '{"prompt":' }), 400, 'invalid_request'],
  ['no object', post('completions', [1]), 400, 'invalid_request'],
  ['a wrong parameter', post('chat/completions', { messages, temperature: 9 }), 400, 'invalid_request'],
  ['an unknown parameter', post('chat/completions', { messages, audio: {} }), 400, 'unsupported_parameter'],
  ['what objects inherit as a parameter', post('chat/completions', { messages, constructor: 1 }), 400, 'unsupported_parameter'],
  ['the same of raw completions', post('completions', { prompt: 'a', toString: 1 }), 400, 'unsupported_parameter'],
  ['the same of responses', post('responses', { input: 'a', valueOf: 1 }), 400, 'unsupported_parameter'],
  ['the same of a message', post('chat/completions', { messages: [{ ...messages[0], constructor: 1 }] }), 400, 'unsupported_parameter'],
  ['a prototype', post('chat/completions', 0, { body: '{"messages":[{"role":"user","content":"a"}],"__proto__":1}' }), 400, 'unsupported_parameter'],
  ['a signal', post('chat/completions', { messages, signal: {} }), 400, 'unsupported_parameter'],
])('refuses %s', async (_, request, status, code) => {
  const type = status === 404 ? 'not_found_error' : 'invalid_request_error';
  expect(await errorOf(await handlerOf()(request))).toMatchObject({ status, code, type, param: null });
});

test('refuses a body that is too long by what it says, and by what it is', async () => {
  const handler = handlerOf({}, { maxBodyBytes: 100 });
  expect(await errorOf(await handler(post('completions', { prompt: 'x'.repeat(100) })))).toMatchObject({ status: 413, code: 'request_too_large' });
  let cancelled = false;
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => (sent++, controller.enqueue(new Uint8Array(60))),
    cancel: () => void (cancelled = true),
  });
  expect(await errorOf(await handler(post('completions', {}, { body, duplex: 'half' } as RequestInit)))).toMatchObject({ status: 413 });
  expect([cancelled, sent < 10]).toEqual([true, true]);
});

test('reads a body of requests that have no stream of it, as in Firefox', async () => {
  const ask = (maxBodyBytes?: number) => {
    const request = Object.defineProperty(post('completions', { prompt: 'Ein Wörtchen' }), 'body', { value: undefined });
    return handlerOf({}, { maxBodyBytes })(request);
  };
  expect(await (await ask()).json()).toMatchObject({ choices: [{ text: 'The sea' }] });
  expect(await errorOf(await ask(20))).toMatchObject({ status: 413, code: 'request_too_large' });
});

test('tells an error before the first token by its status, streamed or not, and a later one in the stream', async () => {
  const error = new RequestError('The prompt has 9 tokens.', { code: 'context_length_exceeded' });
  for (const stream of [false, true]) {
    expect(await errorOf(await handlerOf({ words: [], error })(post('chat/completions', { messages, stream, n: 2 })))).toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      message: error.message,
    });
  }
  const lost = new DeviceError('The GPU was lost.', { code: 'gpu_lost' });
  expect(await errorOf(await handlerOf({ error: lost })(post('chat/completions', { messages })))).toMatchObject({ status: 503, type: 'server_error' });
  const text = await (await handlerOf({ error: lost })(post('chat/completions', { messages, stream: true }))).text();
  expect(text).toContain(' sea');
  expect(text.trimEnd().split('\n\n').at(-1)).toBe(
    'data: {"error":{"message":"The GPU was lost.","type":"server_error","param":null,"code":"gpu_lost"}}',
  );
});

test('stops where the signal is aborted, and where the body is cancelled', async () => {
  const words = Array<string>(1000).fill('x');
  const log: string[] = [];
  const closing = new AbortController();
  const whole = handlerOf({ words, log })(post('chat/completions', { messages }, { signal: closing.signal }));
  setTimeout(() => closing.abort());
  expect((await whole).status).toBe(499);
  expect(log).toEqual(['stopped']);
  const reader = (await handlerOf({ words, log })(post('chat/completions', { messages, stream: true }))).body!.getReader();
  await reader.read();
  await reader.cancel();
  expect(log).toEqual(['stopped', 'stopped']);
});
