// The page's API over a real engine on Dawn, in place of a worker's: raw completions against llama.cpp's golden tokens.
import { beforeAll, describe, expect, it } from 'vitest';
import { type CompletionChunk } from '../src/api/completions.ts';
import { createEngine, type Engine } from '../src/api/engine.ts';
import { FakeWorker } from './fake-worker.ts';
import { type GenerateEvent } from '../src/protocol.ts';
import { adapterFile, dawn } from './dawn.ts';
import { golden, openEngine, quick, stories } from './engine.ts';

describe.skipIf(!adapterFile)('raw completions', () => {
  const maxTokens = 24;
  let engine: Engine;
  let ids: number[] = []; // of the last request

  beforeAll(async () => {
    dawn();
    const inner = openEngine();
    const worker = new FakeWorker({
      load: () => inner.load(stories(), quick),
      async generate(request, port) {
        ids = [];
        const send = (event: GenerateEvent): void => port.postMessage(event);
        const { reason, stats } = await inner.generate(request, (more, text) => {
          ids.push(...more);
          send({ type: 'tokens', ids: more, text });
        });
        send({ type: 'done', reason, stats });
      },
      unload: () => inner.unload(),
    });
    engine = await createEngine({ model: stories().bytes, worker: worker as unknown as Worker });
    return () => engine.unload();
  });

  it.each([['a text', golden.prompt], ['token ids', golden.prompt_ids]])('go on from %s with the golden tokens, whole and streamed alike', async (_, prompt) => {
    const { choices: [{ text, finish_reason }], usage } = await engine.completions.create({ prompt, max_tokens: maxTokens });
    expect(ids).toEqual(golden.ids.slice(0, maxTokens));
    expect(golden.text.startsWith(text.trimStart())).toBe(true);
    expect(finish_reason).toBe('length');
    expect(usage).toMatchObject({ prompt_tokens: golden.prompt_ids.length, completion_tokens: maxTokens });

    const chunks: CompletionChunk[] = [];
    for await (const chunk of await engine.completions.create({ prompt, max_tokens: maxTokens, stream: true })) chunks.push(chunk);
    expect(ids).toEqual(golden.ids.slice(0, maxTokens));
    expect(chunks.map(({ choices }) => choices[0].text).join('')).toBe(text);
    expect(chunks.reduce((sum, { tokens = 0 }) => sum + tokens, 0)).toBe(maxTokens);
  });

  it('end before a text of stop', async () => {
    const { choices: [{ text }] } = await engine.completions.create({ prompt: golden.prompt, max_tokens: maxTokens });
    const stop = text.trim().split(' ')[3];
    const { choices: [stopped] } = await engine.completions.create({ prompt: golden.prompt, max_tokens: maxTokens, stop });
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' });
  });
});
