// `windrow serve` on Dawn, asked by OpenAI's own client over HTTP.
import { request } from 'node:http';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Serving, startServer } from '../../../src/cli/serve/serve.ts';
import { logSoftmax } from '../../../src/reference/sampling/logprobs.ts';
import { adapterFile } from '../../dawn.ts';
import { bytesOf, openEngine, quick } from '../../engine.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { goldenLogits } from '../../models/golden.ts';
import { schemaChecks } from '../../api/openai-schemas.ts';
import { suite } from '../../api/openai-suite.ts';
import { storiesWithTools, suiteGolden } from '../../api/tools-model.ts';
import { isFull, record } from '../../verified.ts';

describe.skipIf(!adapterFile)('windrow serve', () => {
  const engine = adapterFile ? openEngine() : undefined!;
  const golden = suiteGolden();
  let serving: Serving;
  let client: OpenAI;
  const apiKey = 'secret';

  beforeAll(async () => {
    await engine.load({ bytes: (await storiesWithTools()).buffer, name: 'stories' }, quick);
    serving = await startServer(async () => engine, { host: '127.0.0.1', port: 0, apiKey, origins: [] });
    client = new OpenAI({ baseURL: `${serving.url}/v1`, apiKey, maxRetries: 0 });
  });
  afterAll(() => serving?.close());

  it.each(Object.entries(suite))('%s', async (_, check) => {
    await check(client, golden);
  });

  it.runIf(isFull).each(Object.entries(schemaChecks))('%s', async (point, check) => {
    const value = await check(client);
    record({ point: `OpenAI's client and windrow serve: ${point}, all pass; whole are`, command: 'npx vitest run --project gpu serve-gpu', value });
  });

  it('stops what is under way when the connection closes, and leaves the ledger as it was', async () => {
    await client.completions.create({ model: 'any', prompt: golden.prompt, max_tokens: 4 });
    const { scheduler } = engine.loaded();
    const before = { ...engine.stats().gpuBytes };
    for (let i = 0; i < 5; i++) {
      const stream = await client.completions.create({ model: 'any', prompt: golden.prompt, max_tokens: 400, stream: true, n: 2 });
      for await (const chunk of stream) if (chunk) break;
      await vi.waitFor(() => expect(scheduler.jobs).toBe(0));
    }
    const after = engine.stats().gpuBytes;
    expect(Object.keys(after).filter((purpose) => after[purpose] !== before[purpose] && purpose !== 'kv')).toEqual([]);
  });

  it('asks for its key, and refuses pages and names elsewhere', async () => {
    const without = new OpenAI({ baseURL: `${serving.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
    await expect(without.models.list()).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
    const { port } = new URL(serving.url);
    const statusOf = (headers: Record<string, string | undefined>) =>
      new Promise((resolve, reject) => {
        const all = { authorization: `Bearer ${apiKey}`, ...headers };
        request({ port, host: '127.0.0.1', path: '/v1/models', headers: all }, ({ statusCode }) => resolve(statusCode)).on('error', reject).end();
      });
    expect(await Promise.all([{}, { host: 'evil.example' }, { origin: 'https://evil.example' }, { host: ':' }].map(statusOf))).toEqual([200, 403, 403, 400]);
  });

  it('tells log-probabilities within 1e-3 of those of the float64 reference', async () => {
    const { tokens24 } = jsonFixture<{ tokens24: number[] }>('tiny/tiny-llama-f16.json');
    const { vocab } = (await engine.load(bytesOf('tiny/tiny-llama-f16.gguf'), quick), engine.loaded().model.graph.config);
    const logits = goldenLogits('tiny-llama-f16');
    let worst = 0;
    for (const length of [1, 2, 7, 16, 24]) {
      const { choices: [{ logprobs }] } = await client.completions.create({ model: 'any', prompt: tokens24.slice(0, length), max_tokens: 1, logprobs: 20 });
      const expected = logSoftmax(logits.subarray((length - 1) * vocab, length * vocab)).map(({ logprob }) => logprob);
      const found = Object.values(logprobs!.top_logprobs![0]).toSorted((a, b) => b - a);
      expect(found.length).toBeGreaterThan(10); // tokens of one text share an entry
      const nearest = found.map((value) => Math.min(...expected.slice(0, 21).map((wanted) => Math.abs(wanted - value))));
      worst = Math.max(worst, Math.abs(logprobs!.token_logprobs![0] - expected[0]), ...nearest);
    }
    record({
      point: "Log-probabilities that OpenAI's client gets from windrow serve, against the float64 reference (limit 1e-3)",
      command: 'npx vitest run --project gpu test/gpu/api/serve-gpu.test.ts',
      value: worst,
    });
    expect(worst).toBeLessThan(1e-3);
  });
});
