// Prompts that pass through streamed weights several chunks at a time, on Dawn: the logits of a model that is there as a whole, and every
// streamed byte read once for all chunks.
import { describe, expect, it } from 'vitest';
import { plan } from '../../../src/engine/load/plan/plan.ts';
import { smallestBudget } from '../../../src/engine/load/plan/refusal.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
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
const models = ['gemma4', ...(isFull ? ['qwen35', 'rwkv7', 'gemma3', 'mamba2', 'falcon-h1', 'lfm2'] : [])];

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

/** Experts beside what is streamed: chosen before attention too, with a shared expert, a branch beside, a latent cache. */
const mixtures = isFull ? ['qwen3moe', 'gemma4-moe', 'smallthinker', 'bailingmoe2', 'deepseek2', 'gpt-oss', 'qwen35moe'] : ['qwen3moe'];
/** Of the others no budget has both slices and a stretch. */
const cutMixtures = isFull ? mixtures.filter((name) => name !== 'qwen35moe' && name !== 'bailingmoe2') : [];
const ways = [...mixtures.map((name) => [name, 'whole layers', Infinity] as const), ...cutMixtures.map((name) => [name, 'layers in slices', 3] as const)];

describe.skipIf(!adapterFile)('a stretch of chunks where experts are fetched as they are chosen', () => {
  it.each(ways)('%s in %s: the same logits, each byte of other weights that are streamed read once', async (name, how, parts) => {
    const file = await openFixtureFile(`tiny/tiny-${name}.gguf`);
    const whole = await load(file, { chunk });
    const expected = await answer(whole, promptTokens, 4);
    const { sections, layout } = whole;
    await close(whole);

    const ofLayers = layout.sections.filter((_, i) => layerOf(sections[i]) !== undefined);
    const largest = Math.max(...ofLayers.map(({ byteLength, pool }) => pool?.offset ?? byteLength));
    const asked = { ...options, chunk, stretch: 5 * chunk, ...(parts < Infinity && { experiment: { sliceBytes: largest / parts } }) };
    const budgets = Array.from({ length: 64 }, (_, i) => smallestBudget(file.opened, asked) + (i * layout.byteLength) / 64);
    const fits = (budgetBytes: number) => {
      const { stretch, groups, streamedBytes } = plan(file.opened, { ...asked, budgetBytes });
      return groups !== undefined && stretch === 5 * chunk && streamedBytes > 0;
    };
    const model = await load(file, { ...asked, budgetBytes: budgets.find(fits) });
    const { plan: planned, ledger } = model;
    expect(planned).toMatchObject({ verdict: 'streams', chunk, stretch: 5 * chunk });
    expect(planned.groups).toBeDefined();
    const runner = createRunner(model);
    const { ids, logits } = await answer(model, promptTokens, 4, runner);
    expect(ids).toEqual(expected.ids);
    expect(Math.max(...logits.map((v, i) => Math.abs(v - expected.logits[i])))).toBeLessThan(1e-5);
    const { uploadedBytes, itemBytes } = runner.transfer();
    expect(planned.streamedBytes).toBeGreaterThan(0);
    // The prompt and three tokens. Slices between a choice before attention and its experts come once for each step.
    const most = name === 'smallthinker' && parts < Infinity ? 5 + 3 : model.sequence.memory ? 5 : 4;
    record({
      point: `tiny-${name} in ${how}, experts on demand, a stretch of five steps and three tokens: streamed bytes read, as passes over them (limit ${most})`,
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/stream/stretch-gpu.test.ts', value: (uploadedBytes - itemBytes) / planned.streamedBytes,
    });
    expect(uploadedBytes - itemBytes).toBeLessThanOrEqual(most * planned.streamedBytes);
    expect(ledger.peakBytes).toBeLessThanOrEqual(planned.budgetBytes);
    await close(model);
  });
});

describe.skipIf(!adapterFile)('a stretch of chunks of a text that is embedded', () => {
  it('gives the vectors of all tokens, chunk by chunk, each streamed byte read once', async () => {
    const file = await openFixtureFile('tiny/tiny-gemma3.gguf');
    const tokens = Array.from({ length: promptTokens }, (_, i) => (1 + i * 7919) % file.opened.graph.config.vocab);
    const rowsOf = async (model: LoadedModel, runner: Runner): Promise<Float32Array> => {
      const found: number[] = [];
      let done = 0;
      const onChunk = async (position: number, rows: number): Promise<void> => {
        expect(position * model.graph.config.dim).toBe(found.length);
        found.push(...(await runner.readNormed(position, rows, 0)));
      };
      while (done < tokens.length) done += await runner.feedChunk(tokens.slice(done), done, undefined, { several: true, onChunk });
      return Float32Array.from(found);
    };
    const whole = await load(file, { chunk });
    const expected = await rowsOf(whole, createRunner(whole));
    const { totalBytes } = whole.plan;
    await close(whole);
    const { byteLength } = file.opened.layout;
    const model = await load(file, { chunk, stretch: 5 * chunk, budgetBytes: totalBytes - 0.6 * byteLength });
    expect(model.plan).toMatchObject({ verdict: 'streams', stretch: 5 * chunk });
    const runner = createRunner(model);
    const found = await rowsOf(model, runner);
    expect(found.length).toBe(promptTokens * model.graph.config.dim);
    expect(found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0)).toBeLessThan(1e-4);
    expect(runner.transfer().uploadedBytes).toBeLessThanOrEqual(model.plan.streamedBytes);
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
    expect(after.predicted).toBeLessThan(0.75 * before.predicted);
    record({
      point: `SmolLM2 at a quarter in ${how}, 96 tokens, reads for a step as long as two steps: seconds in steps of 32, and in one stretch (predicted)`,
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/stream/stretch-gpu.test.ts',
      value: [before, after].map(({ seconds, predicted }) => `${seconds.toFixed(1)} (${predicted.toFixed(1)})`).join(', '),
    });
  });
});
