// The whole engine against llama.cpp's golden logits, on Dawn.
import { describe, expect, it } from 'vitest';
import { adapterFile } from './dawn.ts';
import { openDawn, openFixture } from './model.ts';
import { floatsFixture, jsonFixture } from './fixture.ts';
import { createRunner } from '../src/engine/runner.ts';

describe.skipIf(!adapterFile)('stories260K', () => {
  it('gives the golden logits after every prompt token and the golden continuation', async () => {
    const golden = jsonFixture<{ prompt_ids: number[]; ids: number[] }>('stories260K/greedy.json');
    const gpu = await openDawn();
    const model = await openFixture(gpu, 'stories260K/stories260K.gguf', {});
    const runner = createRunner(model);
    const prompt = golden.prompt_ids;
    const want = floatsFixture('stories260K/prompt.f32');
    let worst = 0;
    await runner.feedAll(prompt, 0, (logits) => logits.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - want[i])))));
    console.log('worst prompt logit error', worst);
    expect(worst).toBeLessThan(1e-3);
    await runner.feed(prompt, 0);
    const greedy = model.sampler.choose({ seed: 0 });
    const ids = [await runner.sample(greedy, prompt.length)];
    while (ids.length < golden.ids.length) ids.push(await runner.step(greedy, prompt.length + ids.length - 1));
    expect(ids).toEqual(golden.ids);
    model.destroy();
  });
});
