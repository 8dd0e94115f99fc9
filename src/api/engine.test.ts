import { expect, test, vi } from 'vitest';
import { BudgetError, RequestError } from '../errors.ts';
import { type GenerateRequest, type LoadOptions, type ModelSource, type WorkerEngine } from '../protocol.ts';
import { type ChatCompletionChunk, type ChatCompletionParams } from './completions/chat.ts';
import { type CompletionChunk } from './completions/completions.ts';
import { createEngine, type Engine } from './engine.ts';
import { FakeWorker, generateStats, modelInfo, speaker } from '../../test/doubles/fake-worker.ts';

const messages: ChatCompletionParams['messages'] = [{ role: 'user', content: 'Hello' }];
const words = ['The', ' sea', ' is', ' wide'];
const model = 'https://example.org/model.gguf';

async function engineWith(fake: Partial<WorkerEngine>): Promise<{ engine: Engine; worker: FakeWorker }> {
  const worker = new FakeWorker(fake);
  return { engine: await createEngine({ model, worker: worker as unknown as Worker }), worker };
}

const textOf = (chunk: ChatCompletionChunk): string => chunk.choices[0]?.delta.content ?? '';

/** Waits until the worker noted something, however long its messages take. */
const noted = (log: string[], entry: string): Promise<void> => vi.waitFor(() => expect(log).toContain(entry), { timeout: 10_000 });

test('loads a model with its options, reports progress and transfers bytes', async () => {
  const seen: { source?: ModelSource; options?: LoadOptions } = {};
  const phases: string[] = [];
  const bytes = new ArrayBuffer(8);
  const worker = new FakeWorker({
    async load(source, options, progress) {
      Object.assign(seen, { source, options });
      progress!.postMessage({ phase: 'weights', loadedBytes: 4, totalBytes: 8, fromStore: false });
      await new Promise((resolve) => setTimeout(resolve, 5));
      return modelInfo;
    },
  });
  const engine = await createEngine({
    model: bytes, budget: '2GiB', context: 512, worker: () => worker as unknown as Worker, onProgress: ({ phase }) => phases.push(phase),
  });
  expect(engine.info).toEqual(modelInfo);
  expect(seen.options).toMatchObject({ budgetBytes: 2 ** 31, context: 512 });
  expect((seen.source as { bytes: ArrayBuffer }).bytes.byteLength).toBe(8);
  expect(bytes.byteLength).toBe(0);
  expect(phases).toEqual(['weights']);
});

test('a load that fails rejects with the class and the code of its error and ends the worker', async () => {
  const worker = new FakeWorker({ load: () => Promise.reject(new BudgetError('needs 3 GiB', { code: 'gpu_out_of_memory' })) });
  const load = createEngine({ model, worker: worker as unknown as Worker });
  await expect(load).rejects.toBeInstanceOf(BudgetError);
  await expect(load).rejects.toMatchObject({ code: 'gpu_out_of_memory', message: 'needs 3 GiB' });
  expect(worker.terminated).toBe(true);
});

test('a load tells when one before it was left, and one that is aborted notes it', async () => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) });
  const seen: (number | undefined)[] = [];
  const load = async (abort: boolean) => {
    const controller = new AbortController();
    const worker = new FakeWorker({
      load: async (_, { leftAt }) => {
        seen.push(leftAt);
        if (abort) controller.abort(new Error('enough'));
        return abort ? new Promise<never>(() => {}) : modelInfo;
      },
    });
    await createEngine({ model, worker: worker as unknown as Worker, signal: controller.signal }).catch(() => undefined);
  };
  const begun = Date.now();
  for (const abort of [false, true, false]) await load(abort);
  vi.unstubAllGlobals();
  expect(seen.slice(0, 2)).toEqual([undefined, undefined]);
  expect(seen[2]).toBeGreaterThanOrEqual(begun);
});

test('an aborted load rejects with the reason of the signal and ends the worker', async () => {
  const worker = new FakeWorker({ load: () => new Promise(() => {}) });
  const controller = new AbortController();
  const load = createEngine({ model, worker: worker as unknown as Worker, signal: controller.signal });
  controller.abort(new Error('changed my mind'));
  await expect(load).rejects.toThrow('changed my mind');
  expect(worker.terminated).toBe(true);
});

test('streams chunks in order, with the role first and the reason and usage last', async () => {
  const log: string[] = [];
  const { engine } = await engineWith({ generate: speaker(words, log) });
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of await engine.chat.completions.create({ messages, stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
  expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' });
  expect(chunks.slice(1, 5).map(textOf)).toEqual(words);
  expect(chunks[5].choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
  expect(chunks[5].stats).toEqual(generateStats);
  expect(chunks[6]).toMatchObject({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } });
  expect(chunks.slice(0, 6).map(({ usage }) => usage)).toEqual(Array(6).fill(null));
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  await noted(log, 'closed'); // the port is released
});

test('without stream gives the whole answer with its usage', async () => {
  const { engine } = await engineWith({ generate: speaker(words) });
  const completion = await engine.chat.completions.create({ messages });
  expect(completion).toMatchObject({
    object: 'chat.completion',
    model: 'Fake 1M',
    choices: [{ message: { role: 'assistant', content: 'The sea is wide' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10, prompt_tokens_details: { cached_tokens: 2 } },
  });
});

test('lists the loaded model as OpenAI does, under the name that answers have', async () => {
  const { engine } = await engineWith({ generate: speaker(words), models: async () => [] });
  const { object, data } = await engine.models.list();
  expect([object, data]).toEqual(['list', [{ id: 'Fake 1M', object: 'model', created: data[0].created, owned_by: 'windrow' }]]);
  expect(Math.abs(data[0].created - Date.now() / 1000)).toBeLessThan(60);
  expect(await engine.models()).toEqual([]);
});

test('passes the request on in the words of the protocol', async () => {
  let seen: GenerateRequest | undefined;
  const { engine } = await engineWith({
    generate: (request, port) => {
      seen = request;
      return speaker([])(request, port);
    },
  });
  await engine.chat.completions.create({
    messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] }],
    temperature: 0.5, top_p: 0.9, top_k: 40, min_p: 0.05, seed: 7, stop: '\n', max_completion_tokens: 16, model: 'any', n: 1,
  } as ChatCompletionParams);
  expect(seen).toEqual({
    prompt: { messages: [{ role: 'user', content: 'ab' }] },
    sampling: { temperature: 0.5, topP: 0.9, topK: 40, minP: 0.05, seed: 7 },
    maxTokens: 16,
    stop: ['\n'],
  });
});

test('a raw completion gives the text whole, or in chunks whose last has the reason and then the usage', async () => {
  const { engine } = await engineWith({ generate: speaker(words) });
  const whole = await engine.completions.create({ prompt: 'Once' });
  expect(whole).toMatchObject({
    object: 'text_completion',
    model: 'Fake 1M',
    choices: [{ index: 0, text: 'The sea is wide', finish_reason: 'stop', logprobs: null }],
    usage: { total_tokens: 10 },
  });
  expect(whole.id).toMatch(/^cmpl-/);
  const chunks: CompletionChunk[] = [];
  for await (const chunk of await engine.completions.create({ prompt: [1, 2], stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
  expect(chunks.map(({ choices }) => choices[0] && [choices[0].text, choices[0].finish_reason])).toEqual([
    ...words.map((word) => [word, null]),
    ['', 'stop'],
    undefined,
  ]);
  expect(chunks.map(({ usage }) => usage?.completion_tokens)).toEqual([...Array(5).fill(undefined), 3]);
  expect(chunks.map(({ tokens }) => tokens)).toEqual([1, 1, 1, 1, undefined, undefined]);
  expect(chunks[4].stats).toEqual(generateStats);
});

test('several choices have an index each, whole and in chunks, and tokens of a prompt count once, those of guesses each', async () => {
  const asked: GenerateRequest[] = [];
  const generate: WorkerEngine['generate'] = (request, port) => {
    asked.push(request);
    return speaker([`${'text' in request.prompt ? request.prompt.text : ''}${request.choice ?? 0}`, '.'])(request, port);
  };
  const { engine } = await engineWith({ generate });
  const params = { prompt: ['a', 'b'], n: 2, seed: 3 };
  const whole = await engine.completions.create(params);
  expect(whole.choices.map(({ index, text, finish_reason }) => [index, text, finish_reason])).toEqual([
    [0, 'a0.', 'stop'],
    [1, 'a1.', 'stop'],
    [2, 'b0.', 'stop'],
    [3, 'b1.', 'stop'],
  ]);
  expect(whole.usage).toEqual({ prompt_tokens: 14, completion_tokens: 12, total_tokens: 26, prompt_tokens_details: { cached_tokens: 4 } });
  expect(whole.stats).toMatchObject({ newTokens: 12, guessedTokens: 12, rightTokens: 4 });
  expect(asked.map(({ sampling }) => sampling?.seed)).toEqual([3, 3, 3, 3]);
  expect([new Set(asked.map(({ request }) => request)).size, typeof asked[0].request]).toEqual([1, 'string']); // one in the queue
  const texts = ['', '', '', ''];
  const ends: number[] = [];
  let usage: CompletionChunk['usage'];
  for await (const chunk of await engine.completions.create({ ...params, stream: true, stream_options: { include_usage: true } })) {
    for (const { index, text, finish_reason } of chunk.choices) {
      texts[index] += text;
      if (finish_reason) ends.push(index);
    }
    usage = chunk.usage;
  }
  expect(texts).toEqual(['a0.', 'a1.', 'b0.', 'b1.']);
  expect(ends.toSorted()).toEqual([0, 1, 2, 3]);
  expect(usage).toEqual(whole.usage);
  const chat = await engine.chat.completions.create({ messages, n: 2 });
  expect(chat.choices.map(({ index, message }) => [index, message.content])).toEqual([[0, '0.'], [1, '1.']]);
});

test('choices end together where one fails or the request is stopped', async () => {
  const log: string[] = [];
  const { engine } = await engineWith({
    generate: async (request, port) => {
      if (request.choice === 1) port.postMessage({ type: 'error', name: 'RequestError', message: 'The second fails.' });
      else await speaker(words, log)(request, port);
    },
  });
  await expect(engine.chat.completions.create({ messages, n: 2 })).rejects.toThrow('The second fails.');
  await noted(log, 'stopped');
  expect(log).not.toContain(' wide');
});

test('leaving the loop early stops the request in the worker', async () => {
  const log: string[] = [];
  const { engine } = await engineWith({ generate: speaker(words, log) });
  for await (const chunk of await engine.chat.completions.create({ messages, stream: true })) {
    expect(chunk).not.toHaveProperty('usage');
    if (textOf(chunk) === ' sea') break;
  }
  await noted(log, 'closed');
  expect(log).toContain('stopped');
  expect(log).not.toContain(' wide');
  expect(log.at(-1)).toBe('closed');
});

test('refuses what a stream cannot do, by name', async () => {
  const { engine } = await engineWith({ generate: speaker(words) });
  const ask = (stream_options: object) => engine.chat.completions.create({ messages, stream: true, stream_options });
  await expect(ask({ include_obfuscation: true })).rejects.toThrow('stream_options.include_obfuscation (true) is not supported. Leave it out.');
  await (await ask({ include_obfuscation: false })).return!();
});

test('an aborted stream ends without an error and shows no token that was on its way', async () => {
  const log: string[] = [];
  const { engine } = await engineWith({ generate: speaker(words, log) });
  const controller = new AbortController();
  const texts: string[] = [];
  for await (const chunk of await engine.chat.completions.create({ messages, stream: true, signal: controller.signal })) {
    texts.push(textOf(chunk));
    if (texts.length === 2) {
      await new Promise((resolve) => setTimeout(resolve, 3)); // another token arrives meanwhile
      controller.abort();
    }
  }
  await noted(log, 'stopped');
  expect(texts).toEqual(['', 'The']);
});

test('an aborted call without stream rejects with the reason of the signal', async () => {
  const log: string[] = [];
  const { engine } = await engineWith({ generate: speaker(words, log) });
  const controller = new AbortController();
  const answer = engine.chat.completions.create({ messages }, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(answer).rejects.toThrow('enough');
  await noted(log, 'stopped');
  await expect(engine.chat.completions.create({ messages, signal: controller.signal })).rejects.toThrow('enough');
});

test('two requests at once each get their own answer', async () => {
  const { engine } = await engineWith({
    generate: (request, port) => speaker('messages' in request.prompt ? request.prompt.messages[0].content.split('') : [])(request, port),
  });
  const ask = async (content: string): Promise<string> => {
    let text = '';
    for await (const chunk of await engine.chat.completions.create({ messages: [{ role: 'user', content }], stream: true })) text += textOf(chunk);
    return text;
  };
  expect(await Promise.all([ask('first'), ask('second')])).toEqual(['first', 'second']);
});

test('an error event keeps its class and code, after the tokens that came before it', async () => {
  const { engine } = await engineWith({
    async generate(_request, port) {
      port.postMessage({ type: 'tokens', tokens: [{ id: 1 }], text: 'Well' });
      port.postMessage({ type: 'error', name: 'RequestError', message: 'The prompt is too long.', code: 'context_length_exceeded' });
    },
  });
  const texts: string[] = [];
  const read = async (): Promise<void> => {
    for await (const chunk of await engine.chat.completions.create({ messages, stream: true })) texts.push(textOf(chunk));
  };
  await expect(read()).rejects.toThrow(RequestError);
  expect(texts).toEqual(['', 'Well']);
  await expect(engine.chat.completions.create({ messages })).rejects.toMatchObject({ code: 'context_length_exceeded', message: 'The prompt is too long.' });
});

test('a worker that dies rejects every open call and every later one', async () => {
  const { engine, worker } = await engineWith({ generate: () => new Promise(() => {}), stats: () => new Promise(() => {}) });
  const stream = await engine.chat.completions.create({ messages, stream: true });
  await stream.next();
  const open = [stream.next(), engine.chat.completions.create({ messages }), engine.stats()];
  worker.crash('out of memory');
  for (const call of await Promise.allSettled(open)) expect(String((call as PromiseRejectedResult).reason)).toContain('failed: out of memory');
  await expect(engine.models()).rejects.toMatchObject({ name: 'DeviceError', code: 'worker_failed' });
  expect(worker.terminated).toBe(true);
});

test('a worker script that cannot be loaded is said to be so', async () => {
  const worker = new FakeWorker({ load: () => new Promise(() => {}) });
  const load = createEngine({ model, worker: worker as unknown as Worker });
  worker.crash();
  await expect(load).rejects.toThrow(
    /could not be loaded.*\(worker-src\)\. If this page has a Cross-Origin-Embedder-Policy, the script needs the same header\.$/,
  );
});

test('unload frees, ends the worker and rejects what is open', async () => {
  let freed = 0;
  const { engine, worker } = await engineWith({
    generate: () => new Promise(() => {}),
    unload: async () => {
      freed++;
    },
  });
  const open = engine.chat.completions.create({ messages });
  const rejected = expect(open).rejects.toBeInstanceOf(RequestError);
  await Promise.all([engine.unload(), engine.unload()]);
  await rejected;
  expect(freed).toBe(1);
  expect(worker.terminated).toBe(true);
  await expect(engine.stats()).rejects.toMatchObject({ name: 'RequestError', code: 'not_loaded' });
});

test('many requests leave no listener behind', async () => {
  const { engine, worker } = await engineWith({ generate: speaker(['a']) });
  const controller = new AbortController();
  const added = vi.spyOn(controller.signal, 'addEventListener');
  const removed = vi.spyOn(controller.signal, 'removeEventListener');
  const before = worker.listeners;
  for (let i = 0; i < 20; i++) await engine.chat.completions.create({ messages, signal: controller.signal });
  expect(added).toHaveBeenCalledTimes(20);
  expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(added.mock.calls.map(([, listener]) => listener));
  expect(worker.listeners).toBe(before);
});
