// Prompts that pass through streamed weights several chunks at a time, on Dawn: the logits of a model that is there as a whole, and every
// streamed byte read once for all chunks.
import { describe, expect, it } from 'vitest';
import { measureGpu } from '../../../src/engine/measure/measure-gpu.ts';
import { predict } from '../../../src/engine/measure/predict.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { openFileSource } from '../../../src/weights/source/file-source.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { answer, close, load, open, openFixtureFile } from '../../streamed.ts';
import { isFull, record } from '../../verified.ts';

const chunk = 16;
const promptTokens = 75; // four chunks and eleven tokens
/** What layers leave each other differs: one buffer, embeddings of their own, values of the first layer; and a state goes on from chunk to chunk. */
const models = ['gemma4', 'rwkv7', 'qwen35', ...(isFull ? ['gemma3', 'mamba2', 'falcon-h1', 'lfm2'] : [])];

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

describe.skipIf(!adapterFile || !defaultModelPath || !isFull)('a stretch of SmolLM2 from a slow store', () => {
  it('hides reads that take as long as two steps, as predicted', async () => {
    const source = await openFileSource(defaultModelPath!);
    const file = await open(source);
    const tokens = Array.from({ length: 96 }, (_, i) => (1 + i * 7919) % file.opened.graph.config.vocab);
    const timed = async (runner: Runner): Promise<number> => {
      const begun = performance.now();
      await runner.feed(tokens, 0);
      await runner.readLogits();
      return (performance.now() - begun) / 1000;
    };
    const settings = { context: 256, chunk: 32, budgetBytes: 0.25 * file.opened.layout.byteLength + 24 * 2 ** 20, ramBytes: 1 };
    const quick = await load(file, { ...settings, stretch: 0 });
    const { streamedBytes } = quick.plan;
    await timed(createRunner(quick)); // compiles
    const readDelay = (2 * 1000 * (await timed(createRunner(quick)))) / (tokens.length / quick.plan.chunk) / streamedBytes;
    const { costs: gpu } = await measureGpu(quick.gpu, quick, [quick.choice], quick.kv, () => 0);
    await close(quick);
    const store = { secondsPerRead: 0, secondsPerByte: readDelay / 1000 };

    const found: { seconds: number; predicted: number }[] = [];
    for (const stretch of [0, tokens.length]) {
      const model = await load(file, { ...settings, stretch, experiment: { readDelay } });
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
      point: 'SmolLM2 at a quarter, 96 tokens, reads for a step as long as two steps: seconds in steps of 32, and in one stretch of them (predicted)',
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/engine/stretch-gpu.test.ts',
      value: [before, after].map(({ seconds, predicted }) => `${seconds.toFixed(1)} (${predicted.toFixed(1)})`).join(', '),
    });
  });
});
