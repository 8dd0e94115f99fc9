// The whole engine against llama.cpp's golden logits, on Dawn.
import { describe, expect, it } from 'vitest';
import { adapterFile } from '../../dawn.ts';
import { sharedGpu, openFixture } from '../../models/model.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { greedyTokens } from '../../models/golden.ts';
import { isFull, record } from '../../verified.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';

const command = 'npx vitest run --project gpu test/gpu/model/golden-gpu.test.ts';

describe.skipIf(!adapterFile)('stories260K', () => {
  it('gives the golden logits after every prompt token and the golden continuation', async () => {
    const golden = jsonFixture<{ prompt_ids: number[]; ids: number[] }>('stories260K/greedy.json');
    const gpu = await sharedGpu();
    const model = await openFixture(gpu, 'stories260K/stories260K.gguf', {});
    const runner = createRunner(model);
    const prompt = golden.prompt_ids;
    const want = floatsFixture('stories260K/prompt.f32');
    let worst = 0;
    await runner.feedAll(prompt, 0, (logits) => logits.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - want[i])))));
    console.log('worst prompt logit error', worst);
    expect(worst).toBeLessThan(1e-3);
    await runner.feed(prompt, 0);
    const greedy = await model.samplerFor({ seed: 0 });
    const ids = [(await runner.sample(greedy, prompt.length)).id];
    while (ids.length < golden.ids.length) ids.push((await runner.step(greedy, prompt.length + ids.length - 1)).id);
    expect(ids).toEqual(golden.ids);
    record({ point: 'stories260K: largest error of the logits, equal greedy tokens', command, value: { error: worst, tokens: ids.length } });
    model.destroy();
  });
});

/** The one of many rare types takes as long as all others; formats-gpu has a file of each of its types. */
const rare = isFull ? ['llama-low'] : [];
const tiny = ['llama-f16', 'llama-legacy', 'llama-k', 'llama-i', ...rare, 'llama3', 'mistral', 'qwen2', 'qwen3', 'qwen3moe', 'gemma3', 'phi3'].map(
  (name) => `tiny-${name}`,
);

describe.skipIf(!adapterFile)('tiny models', () => {
  it.each(tiny)('%s gives the logits of the float64 reference at all positions', async (name) => {
    const golden = jsonFixture<{ tokens24: number[]; tokens100: number[]; greedy32: number[]; margins: number[] }>(`tiny/${name}.json`);
    const model = await openFixture(await sharedGpu(), `tiny/${name}.gguf`, {});
    expect(model.ledger.bytes.weights).toBe(model.plan.bytes.weights);
    const runner = createRunner(model);
    const worst = { tokens24: 0, tokens100: 0 };
    const want = floatsFixture(`tiny/${name}.L24.ref.f32`);
    await runner.feedAll(golden.tokens24, 0, (logits) => logits.forEach((v, i) => (worst.tokens24 = Math.max(worst.tokens24, Math.abs(v - want[i])))));
    await runner.feed(golden.tokens24, 0);
    const made = await greedyTokens(name, model, runner, golden.tokens24.length, { tokens: golden.greedy32, margins: golden.margins });
    const last = floatsFixture(`tiny/${name}.L100.f32`);
    await runner.feed(golden.tokens100, 0);
    (await runner.readLogits()).forEach((v, i) => (worst.tokens100 = Math.max(worst.tokens100, Math.abs(v - last[i]))));
    console.log(name, worst);
    record({ point: `${name}: largest error of the logits against float64 (24 tokens), llama.cpp (100 tokens)`, command, value: worst });
    expect(worst.tokens24).toBeLessThan(1e-3);
    expect(worst.tokens100).toBeLessThan(name === 'tiny-gemma3' ? 5e-3 : 1e-3);
    expect(made.found).toEqual(made.golden);
    model.destroy();
  });
});
