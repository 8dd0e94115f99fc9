// An engine whose model is on a server: `windrow serve` on Dawn, asked by the remote engine, which OpenAI's own client and the AI SDK ask.
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createWindrow } from '../../../src/ai-sdk/ai-sdk.ts';
import { createHandler } from '../../../src/api/http/handler.ts';
import { createRemoteEngine, type RemoteEngine } from '../../../src/remote.ts';
import { type Serving, startServer } from '../../../src/cli/serve/serve.ts';
import { adapterFile } from '../../dawn.ts';
import { openEngine, quick } from '../../engine.ts';
import { thinking } from '../../api/openai-reasoning.ts';
import { carried, suite } from '../../api/openai-suite.ts';
import { storiesWithTools, suiteGolden } from '../../api/tools-model.ts';
import { isFull } from '../../verified.ts';

describe.skipIf(!adapterFile)('an engine whose model is on a server', () => {
  const engine = adapterFile ? openEngine() : undefined!;
  const golden = suiteGolden();
  const key = 'secret';
  let serving: Serving;
  let remote: RemoteEngine;
  let client: OpenAI;

  beforeAll(async () => {
    await engine.load({ bytes: (await storiesWithTools()).buffer, name: 'stories' }, quick);
    serving = await startServer(async () => engine, { host: '127.0.0.1', port: 0, apiKey: key, origins: [] });
    remote = await createRemoteEngine({ url: serving.url, key });
    const handler = createHandler(remote);
    const fetch = async (url: unknown, init?: RequestInit): Promise<Response> => {
      const response = await handler(new Request(url as string, init));
      init?.signal?.throwIfAborted();
      return response;
    };
    client = new OpenAI({ baseURL: 'http://remote.example/v1', apiKey: 'none', maxRetries: 0, fetch });
  });
  afterAll(() => serving?.close());

  it.each(Object.entries(isFull ? suite : carried))('%s', async (_, check) => {
    await check(client, golden);
  });

  it('says where everything goes, and not by which key', () => {
    expect(remote.info).toEqual({ id: `${serving.url}/v1 ${engine.loaded().info.name}`, name: engine.loaded().info.name, server: `${serving.url}/v1` });
    expect(JSON.stringify(remote)).not.toContain(key);
  });

  it('answers the AI SDK, whole and streamed', async () => {
    const model = createWindrow(remote)();
    const { text, usage } = await generateText({ model, prompt: 'Of a dog.', maxOutputTokens: 10 });
    expect([text.length > 0, usage.outputTokens]).toEqual([true, 10]);
    let streamed = '';
    for await (const piece of streamText({ model, prompt: 'Of a dog.', maxOutputTokens: 10 }).textStream) streamed += piece;
    expect(streamed).toBe(text);
  });

  it('tells the AI SDK what was thought from the answer, whole and streamed', async () => {
    const windrow = { ...thinking, chat_template_kwargs: { enable_thinking: true } };
    const asked = { model: createWindrow(remote)(), prompt: 'Is it a dog?', maxOutputTokens: 64, providerOptions: { windrow } };
    const { text, reasoningText } = await generateText(asked);
    expect(text).toMatch(/^(?:yes|no)$/);
    expect(reasoningText!.length).toBeGreaterThan(3);
    const heard = { 'text-delta': '', 'reasoning-delta': '' };
    for await (const part of streamText(asked).fullStream) if (part.type === 'text-delta' || part.type === 'reasoning-delta') heard[part.type] += part.text;
    expect(heard).toEqual({ 'text-delta': text, 'reasoning-delta': reasoningText });
  });

  it('has the server stop where a stream is left, and ends with it', async () => {
    const { scheduler } = engine.loaded();
    const stream = await remote.completions.create({ prompt: golden.prompt, max_tokens: 400, stream: true });
    for await (const { tokens } of stream) if (tokens) break;
    await vi.waitFor(() => expect(scheduler.jobs).toBe(0));
    const other = await createRemoteEngine({ url: serving.url, key });
    const open = other.completions.create({ prompt: golden.prompt, max_tokens: 400 });
    await vi.waitFor(() => expect(scheduler.jobs).toBe(1));
    await other.unload();
    await expect(open).rejects.toMatchObject({ name: 'RequestError', code: 'not_loaded' });
    await vi.waitFor(() => expect(scheduler.jobs).toBe(0));
    await expect(other.models.list()).rejects.toMatchObject({ code: 'not_loaded' });
  });

  it('is refused without the key', async () => {
    await expect(createRemoteEngine({ url: serving.url })).rejects.toMatchObject({ name: 'RequestError', message: expect.stringContaining('answered 401') });
  });
});
