// What embeddings and reranking refuse before anything is computed, and what they let pass. Real models are in test/gpu.
import { expect, test } from 'vitest';
import { embedStats, modelInfo } from '../../test/doubles/fake-worker.ts';
import { type EmbedInput, type ModelInfo } from '../protocol.ts';
import { type Backend } from './backend.ts';
import { embeddings } from './embeddings.ts';
import { rerank } from './rerank.ts';

const backendOf = (info: Partial<ModelInfo>, log: EmbedInput[] = [], priorities: unknown[] = []): Backend => ({
  info: { ...modelInfo, ...info },
  start: () => () => {},
  async embed(inputs, { priority } = {}) {
    log.push(...inputs);
    priorities.push(priority);
    return inputs.map((_, i) => ({ vector: Float32Array.of(i, 3, 4, 12), tokens: 2, stats: { ...embedStats(2), prefillMs: 3 + i } }));
  },
});

test.each([0, 5, 1.5, '2'])('dimensions of %j are refused before texts are computed', async (dimensions) => {
  const log: EmbedInput[] = [];
  const made = embeddings(backendOf({ pooling: 'mean', dimensions: 4 }, log)).create({ input: ['a', 'b'], dimensions: dimensions as number });
  await expect(made).rejects.toThrow('it must be a whole number from 1 to 4, as many as the model gives.');
  expect(log).toEqual([]);
});

test('vectors are shortened to length 1 again', async () => {
  const { data } = await embeddings(backendOf({ pooling: 'mean', dimensions: 4 })).create({ input: 'a', dimensions: 3 });
  expect(data[0].embedding.map((value) => value.toFixed(3))).toEqual(['0.000', '0.600', '0.800']);
});

test('reranking gives no documents back, and takes to be told so', async () => {
  const { create } = rerank(backendOf({ pooling: 'rank', rankedBy: 0 }));
  const params = { query: 'q', documents: ['a', 'b'] };
  const { results } = await create({ ...params, return_documents: false } as never);
  expect(results).toEqual([{ index: 1, relevance_score: 1 }, { index: 0, relevance_score: 0 }]);
  await expect(create({ ...params, return_documents: true } as never)).rejects.toMatchObject({ code: 'unsupported_parameter' });
});

test('embeddings and rankings tell what they took: the tokens of all texts, and the time of the one that took longest', async () => {
  const stats = { promptTokens: 6, cachedTokens: 0, newTokens: 0, prefillMs: 5, decodeMs: 0, gpuBytesPeak: 4 };
  const usage = { prompt_tokens: 6, total_tokens: 6 };
  expect(await embeddings(backendOf({ pooling: 'mean', dimensions: 4 })).create({ input: ['a', 'b', 'c'] })).toMatchObject({ usage, stats });
  expect(await rerank(backendOf({ pooling: 'rank' })).create({ query: 'q', documents: ['a', 'b', 'c'] })).toMatchObject({ usage, stats });
});

test('embeddings and rankings take a priority, and no other wishes', async () => {
  const seen: unknown[] = [];
  const { create } = embeddings(backendOf({ pooling: 'mean', dimensions: 4 }, [], seen));
  const { create: rank } = rerank(backendOf({ pooling: 'rank' }, [], seen));
  await create({ input: 'a', priority: -3 });
  await rank({ query: 'q', documents: ['a'], priority: 9 });
  await create({ input: 'a', priority: null });
  expect(seen).toEqual([-3, 9, undefined]);
  await expect(create({ input: 'a', priority: 0.5 })).rejects.toThrow('priority is 0.5; it must be a whole number from -1000 to 1000.');
  await expect(rank({ query: 'q', documents: ['a'], targets: { first_token_ms: 1 } } as never)).rejects.toMatchObject({ code: 'unsupported_parameter' });
});
