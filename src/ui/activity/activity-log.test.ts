import { expect, test } from 'vitest';
import { FakeWorker, generateStats, speaker } from '../../../test/doubles/fake-worker.ts';
import { createEngine } from '../../api/engine.ts';
import { type EngineStats } from '../../protocol.ts';
import { ActivityLog, bytesPerToken, itemsThereShare, stalledShare, tokensPerSecond, type Sample } from './activity-log.ts';
import { runBenchmark } from './benchmark.ts';

const sample = (seconds: number, tokens: number, uploadedBytes = 0, stallMs = 0): Sample => ({
  ms: seconds * 1000,
  tokens,
  stats: {
    gpuBytes: {},
    gpuBytesPeak: 0,
    budgetBytes: 0,
    submits: 0,
    keptBytes: 0,
    streamedBytes: 0,
    memoryBytes: 0,
    readyMs: { choice: 0, weights: 0, programs: 0 },
    transfer: { storeBytes: 0, memoryBytes: 0, uploadedBytes, rowBytes: 0, transferMs: 0, stalls: 0, stallMs },
  } as unknown as EngineStats,
});

/** Of experts that were used, those that were there. */
const used = (seconds: number, itemsUsed: number, itemsThere: number): Sample => {
  const { stats, ...rest } = sample(seconds, 0);
  return { ...rest, stats: { ...stats, transfer: { ...stats.transfer, itemsUsed, itemsThere } } };
};

test('rates are those of the last samples', () => {
  const samples = [sample(0, 0), sample(1, 2, 200, 100), sample(2, 4, 400, 600), sample(3, 4, 400, 600), sample(5, 10, 1000, 1600)];
  expect(tokensPerSecond(samples)).toEqual([2, 2, 4 / 3, 2]);
  expect(bytesPerToken(samples, 'uploadedBytes')).toEqual([100, 100, 100, 100]);
  stalledShare(samples).forEach((share, i) => expect(share).toBeCloseTo([0.1, 0.3, 0.2, 0.32][i]));
  expect(bytesPerToken([sample(0, 1), sample(1, 1, 5)], 'uploadedBytes')).toEqual([NaN]);
  expect(itemsThereShare([used(0, 0, 0), used(1, 4, 3), used(2, 8, 4), used(3, 8, 4)])).toEqual([0.75, 0.5, 0.5]);
  expect(itemsThereShare([used(0, 2, 1), used(1, 2, 1)])).toEqual([NaN]);
  expect(tokensPerSecond([sample(0, 0)])).toEqual([]);
});

test('samples are taken while anyone wants them and the engine answers', async () => {
  const worker = new FakeWorker({ stats: async () => sample(0, 0).stats });
  const engine = await createEngine({ model: 'https://page.example/a.gguf', worker: worker as unknown as Worker });
  const log = new ActivityLog(() => 7);
  await log.follow(engine, () => log.samples.length === 0);
  expect(log.samples).toMatchObject([{ tokens: 7 }]);
  await engine.unload();
  await log.follow(engine, () => true); // ends: there is nothing to tell
  expect(log.samples).toHaveLength(1);
});

test('the short benchmark counts what was not cached, and leaves the first token out', async () => {
  const peak = { copyBytesPerSecond: 1e9, flopsPerSecond: 1e10 };
  const worker = new FakeWorker({ generate: speaker(['one']), peak: async () => peak });
  const engine = await createEngine({ model: 'https://page.example/a.gguf', worker: worker as unknown as Worker });
  expect(await runBenchmark(engine)).toEqual({
    promptTokens: generateStats.promptTokens - generateStats.cachedTokens, newTokens: generateStats.newTokens, peak,
    prefillTokensPerSecond: 5000, decodeTokensPerSecond: 1000,
  });
});
