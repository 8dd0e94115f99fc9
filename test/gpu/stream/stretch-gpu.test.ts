// Prompts that pass through streamed weights several chunks at a time, on Dawn: the logits of a model that is there as a whole, and every
// streamed byte read once for all chunks.
import { describe, expect, it } from 'vitest';
import { plan } from '../../../src/engine/load/plan/plan.ts';
import { smallestBudget } from '../../../src/engine/load/plan/refusal.ts';
import { type ModelOptions } from '../../../src/engine/load/options.ts';
import { measureGpu } from '../../../src/engine/measure/measure-gpu.ts';
import { predict } from '../../../src/engine/measure/predict/predict.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { layerOf } from '../../../src/model/sections.ts';
import { openFileSource } from '../../../src/weights/source/file-source.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { answer, close, load, open, openFixtureFile, options } from '../../streamed.ts';
import { isFull, record } from '../../verified.ts';

const chunk = 16;
const promptTokens = 75; // four chunks and eleven tokens
/** What layers leave each other differs: one buffer, embeddings of their own, values of the first layer; and a state goes on from chunk to chunk. */
const models = ['gemma4', 'qwen35', ...(isFull ? ['rwkv7', 'gemma3', 'mamba2', 'falcon-h1', 'lfm2'] : [])];

describe.skipIf(!adapterFile)('a stretch of chunks', () => {
  it.each(models)('%s: the same logits, each streamed byte read once', async (name) => {
    const file = await openFixtureFile(`tiny/tiny-${name}.gguf`);
    const whole = await load(file, { chunk });
    expect(whole.plan).toMatchObject({ verdict: 'fits', stretch: chunk });
    const expected = await answer(whole, promptTokens, 4);
    const { byteLength } = file.opened.layout;
    const { totalBytes } = whole.plan;
    await close(whole);

    const model = await load(file, { chunk, stretch: 5 * chunk, budgetBytes: totalBytes - 0.6 * byteLength });
    const { plan, ledger } = model;
    expect(plan).toMatchObject({ verdict: 'streams', chunk, stretch: 5 * chunk });
    const runner = createRunner(model);
    const { ids, logits } = await answer(model, promptTokens, 4, runner);
    expect(ids).toEqual(expected.ids);
    expect(Math.max(...logits.map((v, i) => Math.abs(v - expected.logits[i])))).toBeLessThan(1e-5);
    // The prompt and three tokens; before the last chunk of one a state is copied, to go back to.
    expect(runner.transfer().uploadedBytes).toBeLessThanOrEqual((model.sequence.memory ? 5 : 4) * plan.streamedBytes);
    if (model.sequence.memory) {
      expect(model.sequence.memory.source(promptTokens - 1)?.length).toBe(4 * chunk);
      expect((await answer(model, promptTokens, 4, runner)).ids).toEqual(expected.ids);
    }
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.budgetBytes);
    await close(model);
  });
});

/** Layers that pass in several slices, one of them a run of a gated product's rows; with embeddings of each layer, a state, experts. */
const cutModels: [string, ModelOptions['experiment']?][] = [
  ['rwkv7'],
  ...(isFull ? ['llama-k', 'gemma4', 'qwen35', 'lfm2', 'falcon-h1'].map((name): [string] => [name]) : []),
  ...(isFull ? ['qwen3moe', 'gemma4-moe'].map((name): [string, ModelOptions['experiment']] => [name, { allExperts: true }]) : []),
];

describe.skipIf(!adapterFile)('a stretch of chunks through layers in several slices', () => {
  it.each(cutModels)('%s: the same logits, each streamed byte read once', async (name, experiment) => {
    const file = await openFixtureFile(`tiny/tiny-${name}.gguf`);
    // The last chunk of the prompt has one token, which the program for one runs.
    const tokens = 4 * chunk + 1;
    const whole = await load(file, { chunk });
    const expected = await answer(whole, tokens, 4);
    const { sections, layout } = whole;
    await close(whole);

    const isLayer = (section: number) => layerOf(sections[section]) !== undefined;
    const largest = Math.max(...layout.sections.map(({ byteLength }, i) => (isLayer(i) ? byteLength : 0)));
    const cut = { ...options, chunk, stretch: 5 * chunk, experiment: { ...experiment, sliceBytes: largest / 5 } };
    // The first budget within which prompts pass together.
    const budgets = Array.from({ length: 64 }, (_, i) => smallestBudget(file.opened, cut) + (i * layout.byteLength) / 64);
    const model = await load(file, { ...cut, budgetBytes: budgets.find((budgetBytes) => plan(file.opened, { ...cut, budgetBytes }).stretch === 5 * chunk) });
    const { plan: planned, ledger } = model;
    expect(planned).toMatchObject({ verdict: 'streams', chunk, stretch: 5 * chunk });
    const streamedIn = (section: number) => planned.slices.filter((slice) => slice.section === section && slice.slot !== undefined).length;
    expect(Math.max(...sections.map((_, i) => (isLayer(i) ? streamedIn(i) : 0)))).toBeGreaterThan(planned.slots);
    const runner = createRunner(model);
    const { ids, logits } = await answer(model, tokens, 4, runner);
    expect(ids).toEqual(expected.ids);
    expect(Math.max(...logits.map((v, i) => Math.abs(v - expected.logits[i])))).toBeLessThan(1e-5);
    // The prompt and three tokens; before the last chunk of one a state is copied, to go back to.
    expect(runner.transfer().uploadedBytes).toBeLessThanOrEqual((model.sequence.memory ? 5 : 4) * planned.streamedBytes);
    expect(ledger.peakBytes).toBeLessThanOrEqual(planned.budgetBytes);
    await close(model);
  });
});

describe.skipIf(!adapterFile || !defaultModelPath || !isFull)('a stretch of SmolLM2 from a slow store', () => {
  const ways = [['whole layers', undefined], ['layers in three slices', 1.25 * 2 ** 20]] as const;
  it.each(ways)('hides reads that take as long as two steps, of %s', async (how, sliceBytes) => {
    const source = await openFileSource(defaultModelPath!);
    const file = await open(source);
    const tokens = Array.from({ length: 96 }, (_, i) => (1 + i * 7919) % file.opened.graph.config.vocab);
    const timed = async (runner: Runner): Promise<number> => {
      const begun = performance.now();
      await runner.feed(tokens, 0);
      await runner.readLogits();
      return (performance.now() - begun) / 1000;
    };
    const settings = { context: 256, chunk: 32, budgetBytes: 0.25 * file.opened.layout.byteLength + 24 * 2 ** 20, ramBytes: 1, experiment: { sliceBytes } };
    const quick = await load(file, { ...settings, stretch: 0 });
    const { streamedBytes } = quick.plan;
    await timed(createRunner(quick)); // compiles
    const readDelay = (2 * 1000 * (await timed(createRunner(quick)))) / (tokens.length / quick.plan.chunk) / streamedBytes;
    const { costs: gpu } = await measureGpu(quick.gpu, quick, [quick.choice], quick.kv, () => 0);
    await close(quick);
    const store = { secondsPerRead: 0, secondsPerByte: readDelay / 1000 };

    const found: { seconds: number; predicted: number }[] = [];
    for (const stretch of [0, tokens.length]) {
      const model = await load(file, { ...settings, stretch, experiment: { sliceBytes, readDelay } });
      expect(model.plan.stretch).toBe(stretch || model.plan.chunk);
      const runner = createRunner(model);
      const seconds = await timed(runner);
      expect(runner.transfer().uploadedBytes).toBeLessThanOrEqual(model.plan.streamedBytes * (stretch ? 1.01 : tokens.length / model.plan.chunk + 0.01));
      const { prefillTokensPerSecond } = predict(model, model.plan, { gpu, store }, { position: 64, ramBytes: 1 });
      found.push({ seconds, predicted: tokens.length / prefillTokensPerSecond! });
      await close(model);
    }
    await source.close();
    const [before, after] = found;
    expect(after.seconds).toBeLessThan(0.75 * before.seconds);
    record({
      point: `SmolLM2 at a quarter in ${how}, 96 tokens, reads for a step as long as two steps: seconds in steps of 32, and in one stretch (predicted)`,
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/stream/stretch-gpu.test.ts',
      value: [before, after].map(({ seconds, predicted }) => `${seconds.toFixed(1)} (${predicted.toFixed(1)})`).join(', '),
    });
  });
});
