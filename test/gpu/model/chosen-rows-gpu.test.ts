// Logits of chosen tokens against those of all tokens, on Dawn.
import { describe, expect, it } from 'vitest';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { adapterFile } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { record } from '../../verified.ts';

/** Rows of (row, vocab). */
const rowsOf = (logits: Float32Array, vocab: number, rows: number[]): number[] => rows.flatMap((row) => [...logits.subarray(row * vocab, (row + 1) * vocab)]);
const largest = (found: Float32Array, wanted: number[]): number =>
  found.length === wanted.length ? found.reduce((worst, value, i) => Math.max(worst, Math.abs(value - wanted[i])), 0) : Infinity;

describe.skipIf(!adapterFile)('logits of chosen tokens', () => {
  it.each(['llama-k', 'gemma3', 'qwen2', 'phi3'])('of tiny-%s are those of all tokens, by the product for a few rows and by those for many', async (name) => {
    const { tokens24, tokens100 } = jsonFixture<{ tokens24: number[]; tokens100: number[] }>(`tiny/tiny-${name}.json`);
    const want = floatsFixture(`tiny/tiny-${name}.L24.ref.f32`);
    let worst = 0;
    for (const few of [0, 4] as const) {
      const model = await openFixture(await sharedGpu(), `tiny/tiny-${name}.gguf`, { choice: { ...testChoice, few } });
      const { vocab } = model.graph.config;
      const runner = createRunner(model);
      for (const rows of [[23], [0], [3, 1, 22, 23, 3], [16, 17, 18, 19, 20, 21, 22, 23]])
        worst = Math.max(worst, largest(await runner.feedRows(tokens24, 0, rows), rowsOf(want, vocab, rows)));
      // Tokens after others, in two steps, with chosen ones in both or in the second alone.
      const all: number[] = [];
      await runner.feedAll(tokens100, 0, (logits) => all.push(...logits));
      for (const rows of [[10, 63, 64, 89], [80]]) {
        await runner.feed(tokens100.slice(0, 10), 0);
        const found = await runner.feedRows(tokens100.slice(10), 10, rows);
        expect(largest(found, rowsOf(Float32Array.from(all), vocab, rows.map((row) => 10 + row)))).toBeLessThan(1e-4);
      }
      await model.destroy();
    }
    record({
      point: `tiny-${name}: largest error of the logits of chosen tokens against float64`,
      command: 'npx vitest run --project gpu test/gpu/model/chosen-rows-gpu.test.ts',
      value: worst,
    });
    expect(worst).toBeLessThan(1e-3);
  });

  it('change nothing for the tokens that follow, and need no room for those of all', async () => {
    const { tokens24, greedy32 } = jsonFixture<{ tokens24: number[]; greedy32: number[] }>('tiny/tiny-llama-k.json');
    const model = await openFixture(await sharedGpu(), 'tiny/tiny-llama-k.gguf', { logitsRows: 3 });
    const runner = createRunner(model);
    const next = async (): Promise<number[]> => {
      const greedy = await model.samplerFor({ seed: 0 });
      await runner.feed(tokens24.slice(23), 23);
      const ids = [(await runner.sample(greedy, 24)).id];
      while (ids.length < 6) ids.push((await runner.step(greedy, 24 + ids.length - 1)).id);
      return ids;
    };
    await runner.feedRows(tokens24, 0, [5, 6, 7]);
    expect(await next()).toEqual(greedy32.slice(0, 6));
    await runner.feedRows(tokens24.slice(20), 20, [0, 1]);
    expect(await next()).toEqual(greedy32.slice(0, 6));
    expect(model.ledger.peakBytes).toBeLessThanOrEqual(model.plan.totalBytes);
    await refuses(runner, tokens24);
    await model.destroy();
  });
});

async function refuses(runner: Runner, ids: number[]): Promise<void> {
  await expect(runner.feedRows(ids, 0, [1, 2, 3, 4])).rejects.toThrow('The logits of 4 tokens were asked for; the model was loaded for 1 to 3 of them.');
  await expect(runner.feedRows(ids, 0, [])).rejects.toThrow('The logits of 0 tokens');
  await expect(runner.feedRows(ids, 0, [24])).rejects.toThrow('The logits of token 24 were asked for; the 24 tokens are counted from 0.');
  await expect(runner.feedAll(ids, 0, () => {})).rejects.toThrow('without room for the logits of every token');
}
