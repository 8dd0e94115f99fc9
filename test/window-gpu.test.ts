// Models larger than the GPU budget, on Dawn: the same tokens whatever the budget, and what the plan promises.
import { describe, expect, it } from 'vitest';
import { type LoadedModel, type ModelOptions, type OpenedModel, loadModel, openModel } from '../src/engine/load.ts';
import { createRunner } from '../src/engine/runner.ts';
import { sweepBudgets } from '../src/engine/sweep.ts';
import { readHeader } from '../src/gguf/parse.ts';
import { type ByteSource } from '../src/gguf/source.ts';
import { openFileSource } from '../src/weights/file-source.ts';
import { type WeightsReader, sourceReader } from '../src/weights/reader.ts';
import { bytesSource } from '../src/weights/source.ts';
import { adapterFile } from './dawn.ts';
import { defaultModelPath } from './default-model.ts';
import { fixture } from './fixture.ts';
import { openDawn, testShapes } from './model.ts';

const options: ModelOptions = { budgetBytes: Infinity, context: 256, chunk: 64, logitsRows: 1, shapes: testShapes };
const forPlan = { ...options, cache: testShapes.cache };

interface Opened {
  opened: OpenedModel;
  reader: WeightsReader;
}

async function open(source: ByteSource): Promise<Opened> {
  const opened = openModel(await readHeader(source));
  return { opened, reader: sourceReader(source, opened.header, opened.layout) };
}
const openTiny = (path: string) => open(bytesSource(fixture(path), path));

async function load({ opened, reader }: Opened, more: Partial<ModelOptions>): Promise<LoadedModel> {
  return loadModel(await openDawn(), opened, reader, { ...options, ...more });
}

/** A prompt of two chunks, then greedy tokens: ids and the logits after the prompt. */
async function answer(model: LoadedModel, promptTokens: number, newTokens: number) {
  const runner = createRunner(model);
  const { vocab } = model.graph.config;
  const prompt = Array.from({ length: promptTokens }, (_, i) => (1 + i * 7919) % vocab);
  await runner.feed(prompt, 0);
  const logits = await runner.readLogits();
  const greedy = model.sampler.choose({ seed: 0 });
  const ids = [await runner.sample(greedy, prompt.length)];
  const perToken: number[] = [];
  while (ids.length < newTokens) {
    const before = runner.transfer().uploadedBytes;
    ids.push(await runner.step(greedy, prompt.length + ids.length - 1));
    perToken.push(runner.transfer().uploadedBytes - before);
  }
  return { ids, logits, perToken, runner };
}

async function close(model: LoadedModel): Promise<void> {
  await model.destroy();
  expect(Object.values(model.ledger.bytes)).toEqual([0, 0, 0, 0, 0]);
  model.gpu.device.destroy();
}

const models = ['stories260K/stories260K.gguf', ...['llama-f16', 'llama-legacy', 'llama-k', 'llama-i', 'llama3', 'mistral', 'qwen2', 'qwen3', 'gemma3', 'phi3'].map((name) => `tiny/tiny-${name}.gguf`)];

describe.skipIf(!adapterFile)('budgets', () => {
  it.each(models)('%s gives the same tokens for every budget, within the plan', async (path) => {
    const file = await openTiny(path);
    const whole = await load(file, {});
    const expected = await answer(whole, 100, 12);
    await close(whole);
    for (const { name, budgetBytes } of sweepBudgets(file.opened, forPlan)) {
      const model = await load(file, { budgetBytes, ramBytes: file.opened.layout.byteLength / 4 });
      const { plan, ledger } = model;
      const { ids, logits, perToken } = await answer(model, 100, 12);
      expect(plan.chunk).toBe(options.chunk);
      expect(plan.verdict).toBe(name === '100 %' ? 'fits' : 'streams');
      expect(ids, name).toEqual(expected.ids);
      expect(Math.max(...logits.map((v, i) => Math.abs(v - expected.logits[i]))), name).toBeLessThan(1e-5);
      expect(ledger.peakBytes).toBeLessThanOrEqual(budgetBytes);
      expect(Math.abs(plan.totalBytes / ledger.peakBytes - 1)).toBeLessThan(0.05);
      expect(new Set(perToken)).toEqual(new Set([plan.streamedBytes]));
      await close(model);
    }
  });
});

describe.skipIf(!adapterFile || !defaultModelPath)('SmolLM2', () => {
  it('answers alike with a quarter of its weights on the GPU', async () => {
    const source = await openFileSource(defaultModelPath!);
    const file = await open(source);
    const whole = await load(file, { chunk: 16 });
    const expected = await answer(whole, 17, 4);
    await close(whole);
    const { budgetBytes } = sweepBudgets(file.opened, { ...forPlan, chunk: 16 }).find(({ name }) => name === '25 %')!;
    const model = await load(file, { chunk: 16, budgetBytes });
    const { ids, perToken } = await answer(model, 17, 4);
    expect(ids).toEqual(expected.ids);
    expect(model.ledger.peakBytes).toBeLessThanOrEqual(budgetBytes);
    expect(Math.abs(model.plan.totalBytes / model.ledger.peakBytes - 1)).toBeLessThan(0.05);
    expect(model.plan.keptBytes).toBeLessThan(file.opened.layout.byteLength / 4);
    expect(new Set(perToken)).toEqual(new Set([model.plan.streamedBytes]));
    await close(model);
    await source.close();
  });
});
