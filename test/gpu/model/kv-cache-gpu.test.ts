// Keys and values in f32, f16 and 8 bits on Dawn: the bytes that were planned, what growing keeps, golden logits.
import { describe, expect, it } from 'vitest';
import { BudgetError } from '../../../src/errors.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { kvFormat, kvFormats } from '../../../src/kv/formats/catalogue.ts';
import { adapterFile } from '../../dawn.ts';
import { divergence } from '../../../src/bench/fidelity.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

const command = 'npx vitest run --project gpu test/gpu/model/kv-cache-gpu.test.ts';

async function withModel(path: string, kv: string, act: (model: LoadedModel, runner: Runner) => Promise<void>): Promise<void> {
  const gpu = await sharedGpu();
  const model = await openFixture(gpu, path, { choice: { ...testChoice, splits: 1, prefill: 'rows' }, kv: kvFormat(kv) });
  await act(model, createRunner(model));
  await model.destroy();
}

const ids = (count: number, vocab: number) => Array.from({ length: count }, (_, i) => (1 + i * 7919) % vocab);

describe.skipIf(!adapterFile)('keys and values', () => {
  it('take the bytes planned in every type, 8 bits with their scales about half of those of f16', async () => {
    const bytes: Record<string, number> = {};
    let perHead = 0;
    for (const kv of kvFormats.keys()) {
      await withModel('tiny/tiny-mistral.gguf', kv, async ({ ledger, plan, sizes, graph }, runner) => {
        await runner.feed(ids(sizes.context, graph.config.vocab), 0);
        expect(ledger.bytes.kv).toBe(plan.bytes.kv);
        expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
        bytes[kv] = ledger.bytes.kv;
        perHead = graph.config.headDim;
      });
    }
    expect(bytes.f16 / bytes.f32).toBe(1 / 2);
    expect(bytes.q8 / bytes.f16).toBe((perHead + 4) / (2 * perHead));
    record({ point: `Bytes of keys and values, planned and held, heads of ${perHead}`, command, value: bytes });
  });

  it.each(['tiny-mistral', 'tiny-gemma3'])('in 8 bits grow with their scales: %s gives the same logits as with room from the start', async (name) => {
    await withModel(`tiny/${name}.gguf`, 'q8', async ({ ledger, graph }, runner) => {
      const tokens = ids(300, graph.config.vocab);
      const answer = async () => {
        await runner.feed(tokens.slice(0, 200), 0);
        const before = ledger.bytes.kv;
        await runner.feed(tokens.slice(200), 200);
        return { grown: ledger.bytes.kv - before, logits: await runner.readLogits() };
      };
      const [growing, grown] = [await answer(), await answer()];
      expect(growing.grown).toBeGreaterThan(0);
      expect(grown.grown).toBe(0);
      expect(growing.logits).toEqual(grown.logits);
    });
  });
});

describe.skipIf(!adapterFile)('keys and values that find no more room', () => {
  it('leave the conversation usable, in layers of which some have grown, and grow when there is room', async () => {
    await withModel('tiny/tiny-mistral.gguf', 'f16', async ({ ledger, graph, sequence }, runner) => {
      const tokens = ids(300, graph.config.vocab);
      const run = async (first: number, end: number) => {
        await runner.feed(tokens.slice(first, end), first);
        return runner.readLogits();
      };
      await run(0, 199);
      const before = await run(199, 200);
      const layer = sequence.fresh(0).buffer.size;
      // The rest of the budget but what one layer more needs: the first grows to twice its size, the next cannot.
      const left = ledger.budgetBytes - Object.values(ledger.bytes).reduce((a, b) => a + b, 0);
      const give = ledger.reserve('staging', left - 2 * layer - 8 * graph.config.vocab);
      await expect(runner.feed(tokens.slice(200), 200)).rejects.toThrow(BudgetError);
      expect(sequence.fresh(0).buffer.size).toBe(2 * layer);
      expect(sequence.fresh(1).buffer.size).toBe(layer);
      expect(sequence.capacity).toBe(256);
      expect(await run(199, 200)).toEqual(before); // over what both kinds of layers hold
      give();
      const found = await run(200, 300);
      expect(sequence.capacity).toBe(512);
      await run(0, 199);
      await run(199, 200);
      expect(await run(200, 300)).toEqual(found);
    });
  });
});

/** Keys and values rounded to f16 move the logits of these models by 2e-3 and the divergence by 2e-7; 8 bits are 16 times as coarse. */
const bound = 1e-3;
const tiny = ['llama-f16', 'llama-legacy', 'llama-k', 'llama-i', 'llama3', 'mistral', 'qwen2', 'qwen3', 'gemma3', 'phi3'].map((name) => `tiny-${name}`);

describe.skipIf(!adapterFile)('8-bit keys and values', () => {
  const some = isFull ? tiny : ['tiny-llama-k', 'tiny-gemma3'];
  it.each(some)(`keep the Kullback-Leibler divergence of %s from the golden logits under ${bound} at every position`, async (name) => {
    const golden = jsonFixture<{ tokens24: number[]; tokens100: number[] }>(`tiny/${name}.json`);
    const want = floatsFixture(`tiny/${name}.L24.ref.f32`);
    await withModel(`tiny/${name}.gguf`, 'q8', async ({ graph: { config: { vocab } } }, runner) => {
      const row = (logits: Float32Array, n: number) => logits.slice(n * vocab, (n + 1) * vocab);
      const found: number[] = [];
      await runner.feedAll(golden.tokens24, 0, (logits, rows) => {
        for (let n = 0; n < rows; n++) found.push(divergence(row(want, n), row(logits, n)));
      });
      expect(found).toHaveLength(24);
      await runner.feed(golden.tokens24.slice(0, 10), 0);
      for (let position = 10; position < 24; position++) await runner.feed(golden.tokens24.slice(position, position + 1), position);
      found.push(divergence(row(want, 23), await runner.readLogits()));
      await runner.feed(golden.tokens100, 0);
      found.push(divergence(floatsFixture(`tiny/${name}.L100.f32`), await runner.readLogits()));
      record({ point: `${name} with 8-bit keys and values: largest KL divergence from the golden logits, bound ${bound}`, command, value: Math.max(...found) });
      expect(Math.max(...found)).toBeLessThan(bound);
      expect(Math.max(...found)).toBeGreaterThan(1e-6); // else nothing was rounded
    });
  });
});
