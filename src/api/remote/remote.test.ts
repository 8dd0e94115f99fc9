// The remote engine against servers that are not as windrow's: their shapes, errors and endings. Against `windrow serve`: test/gpu/api/remote-gpu.test.ts.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type ChatCompletionChunk } from '../completions/chat.ts';
import { toServerUrl } from './address.ts';
import { createRemoteEngine, type RemoteOptions } from './remote.ts';

interface Asked {
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}
type Answer = (asked: Asked, response: ServerResponse) => void;

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

/** A server that lists one model and answers all else by `answer`; gives its address and what it was asked. */
async function serverOf(answer: Answer): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => {
      const one = { path: request.url!, headers: request.headers, body: text ? (JSON.parse(text) as Asked['body']) : {} };
      asked.push(one);
      if (request.url === '/v1/models') json(response, { object: 'list', data: [{ id: 'big' }, { id: 'bigger' }] });
      else answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
const json = (response: ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
const events = (response: ServerResponse, chunks: unknown[], end = 'data: [DONE]\n\n'): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + end);
};
const connect = async (answer: Answer, options: Partial<RemoteOptions> = {}) => {
  const server = await serverOf(answer);
  return { ...server, engine: await createRemoteEngine({ url: server.url, ...options }) };
};
const messages = [{ role: 'user' as const, content: 'Hello' }];
const read = async (stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> => {
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const chunk = (delta: object, finish_reason: string | null = null) =>
  ({ id: 'a', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] });
const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

test('asks by the name that the server lists first, or by the one that is given, with the key and as it is asked', async () => {
  const whole = { id: 'a', object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }], usage };
  const { engine, asked } = await connect((_, response) => json(response, whole), { key: 'k-1', headers: { 'x-team': 'sea' } });
  const answer = await engine.chat.completions.create({ messages, top_k: 3, model: 'other', reasoning_format: 'auto' });
  expect(asked.at(-1)!.body).toEqual({ messages, top_k: 3, model: 'big' });
  expect(asked.map(({ path, headers }) => [path, headers.authorization, headers['x-team']])).toEqual([
    ['/v1/models', 'Bearer k-1', 'sea'], ['/v1/chat/completions', 'Bearer k-1', 'sea'],
  ]);
  expect(answer).toMatchObject({
    choices: [{ message: { content: 'Hi', refusal: null }, finish_reason: 'stop', logprobs: null }],
    usage: { ...usage, prompt_tokens_details: { cached_tokens: 0 } },
    stats: { promptTokens: 7, newTokens: 3 },
  });
  const named = await connect((_, response) => json(response, whole), { model: 'small' });
  await named.engine.chat.completions.create({ messages });
  expect([named.engine.info.name, named.asked.at(-1)!.body.model, named.asked[0].headers.authorization]).toEqual(['small', 'small', undefined]);
});

test('reads streams as other servers have them: nulls, another name of reasoning, usage last', async () => {
  const told = [
    chunk({ role: 'assistant', content: null }), chunk({ content: '', reasoning: 'It is' }), chunk({ content: 'Hi', tool_calls: [] }),
    chunk({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }), chunk({}, 'tool_calls'),
    { id: 'a', object: 'chat.completion.chunk', choices: [], usage },
  ];
  const { engine, asked } = await connect((_, response) => events(response, told));
  const chunks = await read(await engine.chat.completions.create({ messages, stream: true }));
  expect(asked.at(-1)!.body.stream_options).toEqual({ include_usage: true });
  expect(chunks.map(({ choices: [{ delta }] }) => delta)).toEqual([
    { role: 'assistant' }, { content: '', reasoning_content: 'It is' }, { content: 'Hi' },
    { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }, {},
  ]);
  expect(chunks.map(({ tokens }) => tokens)).toEqual([undefined, 1, 1, 1, undefined]);
  expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }], stats: { promptTokens: 7, newTokens: 3, cachedTokens: 0 } });
  const counted = await read(await engine.chat.completions.create({ messages, stream: true, stream_options: { include_usage: true } }));
  expect([counted.at(-1)!.choices, counted.at(-1)!.usage]).toEqual([[], { ...usage, prompt_tokens_details: { cached_tokens: 0 } }]);
  const response = await engine.responses.create({ input: 'Hello' });
  expect(response.output.map(({ type }) => type)).toEqual(['reasoning', 'message', 'function_call']);
});

test('tells of each of several streamed texts what was counted of it, with or without the server\'s usage', async () => {
  const of = (index: number, content: string, finish_reason: string | null = null) => ({ id: 'a', choices: [{ index, delta: { content }, finish_reason }] });
  const told = [of(0, 'Hi'), of(1, 'Ho'), of(1, '!'), of(1, '?'), of(0, '', 'stop'), of(1, '', 'length')];
  const { engine } = await connect(({ body }, response) => events(response, body.seed ? [...told, { id: 'a', choices: [], usage }] : told));
  for (const seed of [0, 1]) {
    const chunks = await read(await engine.chat.completions.create({ messages, stream: true, n: 2, seed, stream_options: { include_usage: true } }));
    const ends = chunks.flatMap(({ stats }) => (stats ? [stats] : []));
    expect(ends.map(({ promptTokens, newTokens }) => [promptTokens, newTokens])).toEqual([[7 * seed, 1], [7 * seed, 3]]);
    for (const { prefillMs, decodeMs } of ends) expect([prefillMs > 0, decodeMs >= 0]).toEqual([true, true]);
    expect(chunks.at(-1)!.usage!.completion_tokens).toBe(seed ? 3 : 4);
  }
});

test('tells what embeddings and rankings took, also of servers that count all tokens alone', async () => {
  const vectors = { object: 'list', data: [], usage: { prompt_tokens: 4, total_tokens: 4 } };
  const ranking = { results: [], usage: { total_tokens: 9 } };
  const { engine } = await connect(({ path }, response) => json(response, path.endsWith('rerank') ? ranking : vectors));
  const [embedded, ranked] = [await engine.embeddings.create({ input: 'a' }), await engine.rerank.create({ query: 'a', documents: ['b'] })];
  expect([embedded.usage, ranked.usage]).toEqual([4, 9].map((tokens) => ({ prompt_tokens: tokens, total_tokens: tokens })));
  expect([embedded.stats, ranked.stats]).toMatchObject([4, 9].map((promptTokens) => ({ promptTokens, newTokens: 0, decodeMs: 0 })));
  expect(Math.min(embedded.stats.prefillMs, ranked.stats.prefillMs)).toBeGreaterThan(0);
});

const called = (index: number | undefined, args: string | null, id: string | null = null, name: string | null = null) =>
  chunk({ tool_calls: [{ ...(index !== undefined && { index }), id, type: 'function', function: { name, arguments: args } }] });

test.each<[string, object[]]>([
  ['null where there is nothing new', [called(0, '', 'a', 'f'), called(0, '{"x"'), called(0, ':1}'), called(1, '{}', 'b', 'g')]],
  ['the id and the name again', [called(0, '{"x"', 'a', 'f'), called(0, ':1}', 'a', 'f'), called(1, '{}', 'b', 'g')]],
  ['pieces of several mixed', [called(0, '{"x"', 'a', 'f'), called(1, '{', 'b', 'g'), called(0, ':1}'), called(1, '}')]],
  ['the name later', [called(0, '', 'a'), called(0, '{"x"'), called(0, ':1}', null, 'f'), called(1, '{}', 'b', 'g')]],
  ['one index for all', [called(0, '{"x":1}', 'a', 'f'), called(0, '{}', 'b', 'g')]],
  ['no index', [called(undefined, '{"x"', 'a', 'f'), called(undefined, ':1}'), called(undefined, '{}', 'b', 'g')]],
])('reads calls with %s, and a last chunk without a delta', async (_, told) => {
  const end = { ...chunk({}), choices: [{ index: 0, finish_reason: 'tool_calls' }] };
  const { engine } = await connect((_, response) => events(response, [...told, end, { id: 'a', choices: [], usage }]));
  const { output } = await engine.responses.create({ input: 'Hello' });
  expect(output).toMatchObject([{ call_id: 'a', name: 'f', arguments: '{"x":1}' }, { call_id: 'b', name: 'g', arguments: '{}' }]);
  const chunks = await read(await engine.chat.completions.create({ messages, stream: true }));
  const pieces = chunks.flatMap(({ choices: [{ delta }] }) => delta.tool_calls ?? []);
  expect(pieces.filter(({ id }) => id !== undefined).map(({ index, id, function: { name } }) => [index, id, name])).toEqual([[0, 'a', 'f'], [1, 'b', 'g']]);
  expect([0, 1].map((call) => pieces.filter(({ index }) => index === call).map((piece) => piece.function.arguments).join(''))).toEqual(['{"x":1}', '{}']);
});

test('tells of a call that names no function', async () => {
  const whole = { id: 'a', choices: [{ index: 0, message: { tool_calls: [{ id: 'a', function: { arguments: '{}' } }] }, finish_reason: 'tool_calls' }] };
  const told = [called(0, '{"x"', 'a'), chunk({}, 'tool_calls')];
  const { engine } = await connect(({ body }, response) => (body.stream ? events(response, told) : json(response, whole)));
  await expect(engine.chat.completions.create({ messages, stream: true }).then(read)).rejects.toThrow('a call of no function: its arguments are {"x"');
  await expect(engine.chat.completions.create({ messages })).rejects.toThrow('a call of no function');
});

test('tells that a filter has cut an answer, what the server counted, and no sampling that it does not know', async () => {
  const counted = { ...usage, completion_tokens_details: { reasoning_tokens: 2 }, prompt_tokens_details: null };
  const told = [chunk({ content: 'Hi' }), chunk({}, 'content_filter'), { id: 'a', choices: [], usage: counted }];
  const whole = { id: 'a', choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: 'content_filter' }], usage: counted };
  const { engine } = await connect(({ body }, response) => (body.stream ? events(response, told) : json(response, whole)));
  expect(await engine.responses.create({ input: 'Hello' })).toMatchObject({
    status: 'incomplete', incomplete_details: { reason: 'content_filter' }, output: [{ status: 'incomplete' }], temperature: null, top_p: null,
    usage: { input_tokens: 7, output_tokens: 3, output_tokens_details: { reasoning_tokens: 2 } },
  });
  expect(await engine.responses.create({ input: 'Hello', temperature: 0.5 })).toMatchObject({ temperature: 0.5 });
  expect(await engine.chat.completions.create({ messages })).toMatchObject({
    choices: [{ finish_reason: 'content_filter' }], usage: { completion_tokens_details: { reasoning_tokens: 2 }, prompt_tokens_details: { cached_tokens: 0 } },
  });
});

test('an answer that breaks off is an error: without its reason, by an event, by the connection', async () => {
  const cases: [Answer, RegExp][] = [
    [(_, response) => events(response, [chunk({ content: 'Hi' })], ''), /ended the answer in its middle/],
    [(_, response) => events(response, [chunk({ content: 'Hi' }), { error: { message: 'out of memory', code: 500 } }]), /broke off its answer: out of memory/],
    [(_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${JSON.stringify(chunk({ content: 'Hi' }))}\n\n`);
      setTimeout(() => response.destroy(), 20);
    }, /terminated|aborted|network/],
    [(_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"a"\n\n'), /is no JSON/],
    [(_, response) => json(response, {}), /does not stream: its answer is of the type application\/json/],
  ];
  for (const [answer, message] of cases) {
    const { engine } = await connect(answer);
    await expect(engine.chat.completions.create({ messages, stream: true }).then(read)).rejects.toThrow(message);
  }
});

test('tells what servers tell, in the class and with the code of windrow', async () => {
  const cases: [number, unknown, object][] = [
    [400, { error: { message: 'no such field', code: 'unsupported_parameter' } }, { name: 'RequestError', code: 'unsupported_parameter' }],
    [503, { error: { message: 'lost', code: 'gpu_lost' } }, { name: 'DeviceError', code: 'gpu_lost' }],
    [401, { error: 'no key' }, { name: 'RequestError', code: 'access_denied', message: expect.stringContaining('answered 401: no key') }],
    [404, { object: 'error', message: 'no model', code: 404 }, { code: 'not_found', message: expect.stringContaining('no model') }],
    [429, {}, { code: 'rate_limited' }],
    [422, { detail: [{ loc: ['body'] }] }, { code: 'invalid_request', message: expect.stringContaining('[{"loc":["body"]}]') }],
    [500, { error: { message: 'bug' } }, { name: 'Error', message: expect.stringContaining('answered 500: bug') }],
  ];
  for (const [status, body, wanted] of cases) {
    const { engine } = await connect((_, response) => json(response, body, status));
    for (const stream of [false, true]) {
      const call = engine.chat.completions.create({ messages, stream }).then((answer): unknown => (Symbol.asyncIterator in answer ? read(answer) : answer));
      await expect(call).rejects.toMatchObject(wanted);
    }
  }
});

test('does not follow the address elsewhere, and tells of a server that is not there', async () => {
  const { engine, asked } = await connect((_, response) => response.writeHead(307, { location: '/v1/models' }).end());
  await expect(engine.chat.completions.create({ messages })).rejects.toThrow(/could not be reached/);
  expect(asked.at(-1)!.path).toBe('/v1/chat/completions');
  await expect(createRemoteEngine({ url: 'http://127.0.0.1:9' })).rejects.toThrow(/127\.0\.0\.1:9 could not be reached.*CORS/);
});

test('an aborted stream just ends, and a whole answer rejects with the reason', async () => {
  const { engine } = await connect((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${JSON.stringify(chunk({ content: 'Hi' }))}\n\n`);
  });
  const stopping = new AbortController();
  const stream = await engine.chat.completions.create({ messages, stream: true, signal: stopping.signal });
  await stream.next();
  const next = stream.next();
  stopping.abort(new Error('enough'));
  expect(await next).toEqual({ done: true, value: undefined });
  const whole = engine.chat.completions.create({ messages }, { signal: AbortSignal.timeout(20) });
  await expect(whole).rejects.toMatchObject({ name: 'TimeoutError' });
  await expect(engine.chat.completions.create({ messages, stream: true, signal: stopping.signal })).rejects.toThrow('enough');
});

test('reads addresses as they are written, and refuses what would be lost or told', () => {
  expect(['http://localhost:11434', 'https://a.example/v1/', ' https://a.example/api/openai '].map(toServerUrl)).toEqual([
    'http://localhost:11434/v1', 'https://a.example/v1', 'https://a.example/api/openai',
  ]);
  for (const wrong of ['localhost:80', 'ftp://a.example', 'https://me:pass@a.example', 'https://a.example/v1?key=x', '', 'a'])
    expect(() => toServerUrl(wrong), wrong).toThrow(/The server's address/);
});

test('refuses keys that are none', async () => {
  await expect(createRemoteEngine({ url: 'http://localhost', key: 'a\nb' })).rejects.toThrow(/The key has characters/);
});
