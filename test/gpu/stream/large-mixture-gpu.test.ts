// A mixture of 600 MiB, six times the GPU budget, with experts of which a router likes some better than others, on Dawn: what a token
// moves, beside what the window of whole layers would, and the same tokens with a larger budget. The short run has one in Chromium in its place
// (e2e/models/large-mixture.spec.ts).
import { expect, it } from 'vitest';
import { createEngine } from '../../../src/engine/engine.ts';
import { openModel } from '../../../src/engine/load/opened.ts';
import { plan } from '../../../src/engine/load/plan/plan.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { mixtureSource } from '../../models/mixture-source.ts';
import { isFull, record } from '../../verified.ts';

const MiB = 2 ** 20;
const newTokens = 24;

it.skipIf(!adapterFile || !isFull)('a mixture six times as large as the budget moves a fraction of itself for a token', { timeout: 240_000 }, async () => {
  const source = await mixtureSource({ layers: 11, dim: 512, experts: 128, used: 8, skew: 0.5, vocab: 2048 });
  const engine = createEngine({ gpu: dawn() });
  const options = { context: 64, kernels: 'splits=4,prefill=rows', ramBytes: 200 * MiB };
  async function answer(budgetBytes: number) {
    await engine.load(source, { ...options, budgetBytes });
    const ids: number[] = [];
    const request = { prompt: { tokens: [5, 99] }, maxTokens: newTokens, sampling: { temperature: 2, seed: 7 } }; // drawn, or it would repeat itself
    const { stats } = await engine.generate(request, (tokens) => ids.push(...tokens.map(({ id }) => id)));
    const { ledger } = engine.loaded().model;
    expect(ledger.peakBytes).toBeLessThanOrEqual(budgetBytes);
    return { ids, stats };
  }
  const { ids, stats } = await answer(100 * MiB);
  const larger = await answer(300 * MiB);
  await engine.unload();
  expect(larger.ids).toEqual(ids);

  const sizes = { context: 64, chunk: 128, logitsRows: 1, kv: kvFormat('f16'), budgetBytes: 100 * MiB };
  const window = plan(await openModel(await readHeader(source)), { ...sizes, experiment: { allExperts: true } });
  const { decode } = stats.transfer!;
  const perToken = decode.uploadedBytes / (newTokens - 1);
  const hitRate = decode.itemsThere / decode.itemsUsed;
  expect(decode.itemsUsed).toBe(11 * 8 * (newTokens - 1));
  expect(hitRate).toBeGreaterThan(0.5);
  expect(perToken).toBeLessThan(window.streamedBytes / 4);
  record({
    point: 'a mixture of 600 MiB with a budget of 100 MiB: MiB moved for a token; by the window of layers; experts that were there',
    command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/stream/large-mixture-gpu.test.ts',
    value: `${(perToken / MiB).toFixed(1)}; ${(window.streamedBytes / MiB).toFixed(0)}; ${(100 * hitRate).toFixed(0)} %`,
  });
});
