// Embeddings and reranking by models of the decoder families on Dawn, against the goldens of the float64 reference, by OpenAI's own client too.
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSurface, type Surface } from '../../../src/api/surface.ts';
import { backendOf } from '../../../src/node/backend.ts';
import { type Serving, startServer } from '../../../src/cli/serve/serve.ts';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { adapterFile } from '../../dawn.ts';
import { bytesOf, golden as stories, openEngine, quick, stories as storiesBytes } from '../../engine.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { vary } from '../../models/vary.ts';
import { record } from '../../verified.ts';

interface Golden {
  inputs: number[][];
  input_texts: Record<string, string>;
  width: number;
}
const path = (name: string) => `embed/tiny-qwen3-${name}`;
const rows = (floats: Float32Array, width: number) => Array.from({ length: floats.length / width }, (_, i) => [...floats.subarray(i * width, (i + 1) * width)]);
const goldenOf = (name: string) => {
  const about = jsonFixture<Golden>(`${path(name)}.json`);
  return { ...about, vectors: rows(floatsFixture(`${path(name)}.embd.ref.f32`), about.width) };
};
const unit = (vector: readonly number[]): number[] => vector.map((value) => value / Math.hypot(...vector));
const worst = (found: ArrayLike<number>[], wanted: number[][]): number =>
  Math.max(...wanted.flatMap((vector, i) => vector.map((value, j) => (Number.isFinite(found[i][j]) ? Math.abs(found[i][j] - value) : Infinity))));

describe.skipIf(!adapterFile)('embeddings', () => {
  const engine = adapterFile ? openEngine() : undefined!;
  const { embeddings, rerank, chat }: Surface = createSurface(backendOf(engine));
  let serving: Serving;
  let client: OpenAI;
  beforeAll(async () => {
    serving = await startServer(async () => engine, { host: '127.0.0.1', port: 0, origins: [] });
    client = new OpenAI({ baseURL: `${serving.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(() => serving?.close());

  describe('of the last token', () => {
    const golden = goldenOf('embed');
    beforeAll(() => engine.load(bytesOf(`${path('embed')}.gguf`), { ...quick, queue: 2, sequences: 6 })); // several texts are one request

    it('are those of the reference, each alone and all at once', async () => {
      const alone = [];
      for (const tokens of golden.inputs) alone.push(...(await engine.embed([{ tokens }])));
      const together = await engine.embed(golden.inputs.map((tokens) => ({ tokens })));
      const errors = [alone, together].map((made) => worst(made.map(({ vector }) => vector), golden.vectors));
      record({
        point: 'Embeddings of the last token against the float64 reference (limit 1e-3)',
        command: 'npx vitest run --project gpu test/gpu/api/embeddings-gpu.test.ts',
        value: Math.max(...errors),
      });
      expect(Math.max(...errors)).toBeLessThan(1e-3);
      expect(together.map(({ tokens }) => tokens)).toEqual(golden.inputs.map(({ length }) => length));
    });

    it('of several texts come of one step: a reading of the weights for all, and the same vectors', async () => {
      const inputs = golden.inputs.map((tokens) => ({ tokens }));
      const { graph, sizes } = engine.loaded().model;
      expect(golden.inputs.flat().length).toBeLessThanOrEqual(sizes.chunk);
      await engine.embed(inputs); // compiled, and bound
      const calls = countCalls();
      const alone = [];
      for (const input of inputs) alone.push(...(await engine.embed([input])));
      const apart = calls.read().dispatches;
      calls.reset();
      const together = await engine.embed(inputs);
      expect(worst(together.map(({ vector }) => vector), alone.map(({ vector }) => [...vector]))).toBeLessThan(1e-5);
      // What belongs to a sequence is run for each: of a layer here rope and attention; of one step the rest is run once.
      const [steps, own] = [golden.inputs.length, 3 * graph.config.layers * golden.inputs.length];
      expect(calls.read().dispatches - own).toBeLessThan((2 * apart) / steps);
    });

    it('come to OpenAI\'s client with length 1, from texts, as floats and as base64, whole and shortened', async () => {
      const texts = Object.entries(golden.input_texts);
      const input = texts.map(([, text]) => text);
      const wanted = texts.map(([i]) => golden.vectors[Number(i)]);
      for (const encoding_format of [undefined, 'float'] as const) { // by default the client asks for base64 and reads it
        const { data, usage } = await client.embeddings.create({ model: 'any', input, encoding_format });
        expect(worst(data.map(({ embedding }) => embedding), wanted.map(unit))).toBeLessThan(1e-3);
        expect(usage.prompt_tokens).toBe(texts.reduce((sum, [i]) => sum + golden.inputs[Number(i)].length, 0));
      }
      const { data } = await client.embeddings.create({ model: 'any', input: golden.inputs, dimensions: 32 });
      expect(worst(data.map(({ embedding }) => embedding), golden.vectors.map((vector) => unit(vector.slice(0, 32))))).toBeLessThan(1e-3);
      expect(data.map(({ embedding }) => embedding.length)).toEqual(golden.inputs.map(() => 32));
      const raw = await embeddings.create({ input: golden.inputs[0], encoding_format: 'base64' });
      expect(new Float32Array(Uint8Array.from(atob(String(raw.data[0].embedding)), (c) => c.charCodeAt(0)).buffer)).toHaveLength(golden.width);
    });

    it('leave answers as they were, and the memory', async () => {
      const ask = async () => (await chat.completions.create({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 6 })).choices[0].message.content;
      const before = await ask();
      const { gpuBytes } = engine.stats();
      const [during] = await Promise.all([ask(), engine.embed(golden.inputs.map((tokens) => ({ tokens })))]);
      expect([during, await ask()]).toEqual([before, before]);
      const after = engine.stats().gpuBytes;
      expect(Object.keys(after).filter((purpose) => after[purpose] > gpuBytes[purpose] && purpose !== 'kv' && purpose !== 'activations')).toEqual([]);
    });

    it('refuse what cannot be', async () => {
      await expect(embeddings.create({ input: [] })).rejects.toThrow('input has 0 texts; it may have 1 to 2048.');
      await expect(embeddings.create({ input: '' })).rejects.toThrow('each must be a text that is not empty');
      await expect(embeddings.create({ input: 'a', dimensions: 129 })).rejects.toThrow('dimensions is 129; it must be a whole number from 1 to 128');
      await expect(embeddings.create({ input: 'a', kind: 1 } as never)).rejects.toMatchObject({ code: 'unsupported_parameter' });
      await expect(embeddings.create({ input: [[1, 512]] })).rejects.toThrow('token 512 is not in the vocabulary');
      await expect(embeddings.create({ input: [Array<number>(600).fill(5)] })).rejects.toMatchObject({ code: 'context_length_exceeded' });
      await expect(rerank.create({ query: 'a', documents: ['b'] })).rejects.toThrow('The model is no reranker');
      const closing = new AbortController();
      const made = embeddings.create({ input: golden.inputs }, { signal: closing.signal });
      closing.abort(new Error('enough'));
      await expect(made).rejects.toThrow('enough');
      expect((await engine.embed([{ tokens: golden.inputs[0] }]))[0].tokens).toBe(3);
    });

    it('tell what they took, and have the turn that their priority gives them', async () => {
      const run = vi.spyOn(engine.loaded().scheduler, 'run');
      const { usage, stats } = await embeddings.create({ input: golden.inputs, priority: -7 });
      expect(run.mock.calls.map(([{ priority }]) => priority)).toEqual(golden.inputs.map(() => -7));
      run.mockRestore();
      expect(stats).toMatchObject({ promptTokens: usage.prompt_tokens, cachedTokens: 0, newTokens: 0, decodeMs: 0, gpuBytesPeak: engine.stats().gpuBytesPeak });
      expect(stats.prefillMs).toBeGreaterThan(0);
    });
  });

  it('of the mean are the means of the vectors of all tokens', async () => {
    const { inputs, width } = goldenOf('embed');
    const bytes = await vary(`${path('embed')}.gguf`, { metadata: { 'qwen3.pooling_type': { type: 'u32', value: 1 } } });
    await engine.load({ bytes: Uint8Array.from(bytes).buffer, name: 'mean.gguf' }, quick);
    const all = rows(floatsFixture(`${path('embed')}.tok.f32`), width);
    let first = 0;
    const means = inputs.map(({ length }) => {
      const own = all.slice(first, (first += length));
      return own[0].map((_, i) => own.reduce((sum, vector) => sum + vector[i], 0) / length);
    });
    expect(worst((await engine.embed(inputs.map((tokens) => ({ tokens })))).map(({ vector }) => vector), means)).toBeLessThan(3e-3);
  });

  it('of a reranker are the probabilities of its labels, and put texts in order', async () => {
    const golden = goldenOf('rank');
    await engine.load(bytesOf(`${path('rank')}.gguf`), quick);
    const made = await engine.embed(golden.inputs.map((tokens) => ({ tokens })));
    expect(worst(made.map(({ vector }) => vector), golden.vectors)).toBeLessThan(1e-3);
    const [query, ...documents] = ['Who was there?', 'there was a little cat.', 'Once upon a time', 'it is.'];
    const { tokenizer } = engine.loaded().text!;
    const pairs = documents.map((document) => [query, document].flatMap((text, i) => tokenizer.encode(text, { addSpecial: true }).slice(i)));
    const wanted = (await engine.embed(pairs.map((tokens) => ({ tokens })))).map(({ vector }, index) => ({ index, relevance_score: vector[0] }));
    const ordered = wanted.toSorted((a, b) => b.relevance_score - a.relevance_score);
    expect((await rerank.create({ query, documents })).results).toEqual(ordered);
    const response = await fetch(`${serving.url}/v1/rerank`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query, documents, top_n: 2 }),
    });
    expect(((await response.json()) as { results: unknown }).results).toEqual(ordered.slice(0, 2));
    await expect(embeddings.create({ input: 'a' })).rejects.toThrow('The model ranks texts and gives no embeddings.');
  });

  it('are refused of a model that is not made for them', async () => {
    await engine.load(storiesBytes(), quick);
    await expect(embeddings.create({ input: stories.prompt })).rejects.toMatchObject({
      name: 'UnsupportedModelError', message: expect.stringContaining('its file does not set llama.pooling_type'),
    });
  });
});
