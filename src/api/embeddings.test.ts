// What embeddings and reranking refuse before anything is computed, and what they let pass. Real models are in test/gpu.
import { expect, test } from 'vitest';
import { modelInfo } from '../../test/doubles/fake-worker.ts';
import { type EmbedInput, type ModelInfo } from '../protocol.ts';
import { type Backend } from './backend.ts';
import { embeddings } from './embeddings.ts';
import { rerank } from './rerank.ts';

const backendOf = (info: Partial<ModelInfo>, log: EmbedInput[] = []): Backend => ({
  info: { ...modelInfo, ...info },
  start: () => () => {},
  async embed(inputs) {
    log.push(...inputs);
    return inputs.map((_, i) => ({ vector: Float32Array.of(i, 3, 4, 12), tokens: 2 }));
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
