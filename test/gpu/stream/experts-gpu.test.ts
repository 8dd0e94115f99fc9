// Mixtures whose experts are fetched as they are chosen, on Dawn: the same tokens with slots for all experts, for some, for one.
import { describe, expect, it } from 'vitest';
import { statesAheadBytes } from '../../../src/engine/load/plan/running-ahead.ts';
import { isExperts } from '../../../src/model/parameters.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { difference } from '../../../src/engine/run/transfers.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { usualPolicy } from '../../../src/weights/stream/items/residence/policies.ts';
import { simulate } from '../../../src/weights/stream/items/simulate.ts';
import { poolBytes } from '../../../src/weights/layout.ts';
import { adapterFile } from '../../dawn.ts';
import { fixture, jsonFixture } from '../../models/fixture.ts';
import { type Opened, answer, close, failing, load, openFixtureFile, options } from '../../streamed.ts';
import { isFull, record } from '../../verified.ts';

/** Experts of a token in all layers. */
const usedPerToken = ({ opened: { graph } }: Opened): number => graph.layers.flat().filter(isExperts).reduce((sum, { used }) => sum + used, 0);

/** Softmax, and a state in place of keys and values; sigmoids with groups and a shared expert, a router before attention, a branch beside. */
const some = ['tiny/tiny-qwen3moe', 'tiny/tiny-qwen35moe'];
const others = ['tiny/tiny-bailingmoe2', 'sparse/stories-smallthinker.q8_0', 'tiny/tiny-gemma4-moe'];
/** MXFP4 with biases and sinks, short convolutions, a latent cache: in short steps, as longer ones leave room for all experts where the budget is small. */
const inShortSteps = ['tiny/tiny-gpt-oss', 'tiny/tiny-lfm2moe', 'tiny/tiny-deepseek2', 'tiny/tiny-qwen35moe'];
const models = [
  ...[...some, ...(isFull ? others : [])].map((name) => ({ path: `${name}.gguf`, chunk: 64 })),
  ...(isFull ? inShortSteps : []).map((name) => ({ path: `${name}.gguf`, chunk: 16 })),
];

describe.skipIf(!adapterFile)('experts on demand', () => {
  it.each(models)('$path gives the same tokens for every budget, within the plan, in steps of $chunk', async ({ path, chunk }) => {
    const file = await openFixtureFile(path);
    const whole = await load(file, { chunk });
    const expected = await answer(whole, 100, 12);
    await close(whole);
    let deviation = 0;
    const budgets = sweepBudgets(file.opened, { ...options, chunk });
    for (const { name, budgetBytes } of budgets) {
      const model = await load(file, { budgetBytes, chunk, ramBytes: file.opened.layout.byteLength / 8 });
      const { plan, ledger } = model;
      const { ids, logits, perToken } = await answer(model, 100, 12);
      const [used, bytes] = (['itemsUsed', 'itemBytes'] as const).map((name) => perToken.reduce((sum, each) => sum + each[name], 0) / perToken.length);
      expect(plan.verdict).toBe(name === '100 %' ? 'fits' : 'streams');
      expect(ids, name).toEqual(expected.ids);
      expect(Math.max(...logits.map((v, i) => Math.abs(v - expected.logits[i]))), name).toBeLessThan(1e-5);
      expect(ledger.peakBytes).toBeLessThanOrEqual(budgetBytes);
      if (plan.groups) deviation = Math.max(deviation, Math.abs(plan.totalBytes / ledger.peakBytes - 1));
      expect(used).toBe(plan.groups ? usedPerToken(file) : 0);
      const itemBytes = Math.max(...file.opened.layout.sections.map(({ pool }) => pool?.itemBytes ?? 0));
      expect(bytes).toBeLessThanOrEqual(used * itemBytes);
      await close(model);
    }
    // Beside the buffers of short steps what a plan has for uploads weighs more, of which not all is in flight at once.
    expect(deviation).toBeLessThan(chunk < 64 ? 0.08 : 0.05);
    record({
      point: `${path}: the same tokens at ${budgets.length} budgets in steps of ${chunk}, experts on demand; plan against peak`,
      command: 'npx vitest run --project gpu test/gpu/stream/experts-gpu.test.ts',
      value: `within ${(100 * deviation).toFixed(1)} %`,
    });
  });

  /** With a state that a token changes for good, which is put back where a step is gone back in; and one without. */
  const withState = ['qwen35moe', ...(isFull ? ['qwen3next', 'granitehybrid-moe', 'lfm2moe', 'qwen3moe'] : [])].map((name) => `tiny/tiny-${name}`);
  it.each(withState)('%s goes back in steps that ran ahead of missing experts: the same logits, in fewer submits where most are there', async (name) => {
    const file = await openFixtureFile(`${name}.gguf`);
    const short = { chunk: 16 }; // else a smaller budget would give shorter steps, and room for all experts
    const { tokens100 } = jsonFixture<{ tokens100: number[] }>(`${name}.json`);
    const run = async (budgetBytes: number, layersAhead?: number) => {
      const model = await load(file, { ...short, budgetBytes, experiment: { layersAhead } });
      const runner = createRunner(model);
      await runner.feed(tokens100.slice(0, 40), 0);
      const before = runner.transfer();
      const logits: number[] = [];
      for (const [i, token] of tokens100.slice(40, 60).entries()) {
        await runner.feed([token], 40 + i);
        logits.push(...(await runner.readLogits()));
      }
      const { itemsUsed, itemsThere } = difference(runner.transfer(), before);
      const { plan, ledger } = model;
      if (plan.groups) expect(Math.abs(plan.totalBytes / ledger.peakBytes - 1)).toBeLessThan(0.05);
      await close(model);
      return { logits, missed: itemsUsed - itemsThere, submits: runner.submits, aheadBytes: plan.aheadBytes ?? 0 };
    };
    const whole = await run(Infinity);
    const [{ budgetBytes: all }] = sweepBudgets(file.opened, { ...options, ...short });
    const expertBytes = file.opened.layout.sections.reduce((sum, { pool }) => sum + (pool ? poolBytes(pool) : 0), 0);
    for (const [budget, budgetBytes] of [['nearly all', all - 8192], ['half', all - Math.floor(expertBytes / 2)]] as const) {
      const [ahead, layerByLayer] = [await run(budgetBytes, 99), await run(budgetBytes, 1)];
      expect(ahead.aheadBytes, budget).toBe(statesAheadBytes(file.opened.sections));
      expect(ahead.missed, budget).toBe(layerByLayer.missed);
      for (const { logits } of [ahead, layerByLayer])
        expect(logits.reduce((worst, v, i) => Math.max(worst, Math.abs(v - whole.logits[i])), 0), budget).toBeLessThan(1e-5);
      if (budget === 'half') expect(ahead.missed).toBeGreaterThan(0);
      else expect(ahead.submits).toBeLessThan(layerByLayer.submits);
    }
  });

  it('uses the experts that were recorded of a trained mixture, and fetches what the policy that it follows would', async () => {
    const file = await openFixtureFile('sparse/stories-smallthinker.q8_0.gguf');
    const golden = jsonFixture<{ prompt_tokens: number[]; greedy100: number[] }>('sparse/stories-smallthinker.json');
    const recorded = fixture('sparse/stories-smallthinker.experts.u8'); // (105 tokens, 4 layers, 2)
    const { budgetBytes } = sweepBudgets(file.opened, options).find(({ name }) => name === '50 %')!;
    const trace: number[][] = [];
    const model = await load(file, { budgetBytes, experiment: { onExperts: (section, experts) => void trace.push(experts.map((e) => 8 * section + e)) } });
    const runner = createRunner(model);
    await runner.feed(golden.prompt_tokens, 0);
    const fed = trace.length;
    const greedy = await model.samplerFor({ seed: 0 });
    const ids = [(await runner.sample(greedy, 5)).id];
    while (ids.length < 100) ids.push((await runner.step(greedy, 4 + ids.length)).id);
    expect(ids).toEqual(golden.greedy100);
    const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
    const expected = Array.from({ length: 4 * 99 }, (_, step) => [0, 1].map((k) => 8 * (1 + (step % 4)) + recorded[40 + 2 * step + k]));
    expect(trace.slice(fed).map(sorted)).toEqual(expected.map(sorted));
    const [{ slots, slotBytes }] = model.plan.groups!;
    const hits = simulate(trace, slots, usualPolicy(4));
    const { itemsUsed, itemsThere, itemBytes } = runner.transfer();
    expect([itemsUsed, itemsThere]).toEqual([hits.used, hits.there]);
    expect(itemBytes).toBe((hits.used - hits.there) * slotBytes);
    await close(model);
  });

  it('ends a step with the error of a read that fails, or in the middle when asked, and answers as before afterwards', async () => {
    const file = await openFixtureFile('tiny/tiny-qwen3moe.gguf');
    let broken = false;
    const reader = failing(file.reader, () => broken);
    const { budgetBytes } = sweepBudgets(file.opened, options).find(({ name }) => name === '25 %')!;
    const model = await load({ ...file, reader }, { budgetBytes, ramBytes: 1 });
    const before = await answer(model, 70, 4);
    const prompt = Array.from({ length: 70 }, (_, i) => (3 + i * 31) % 512);
    broken = true;
    await expect(before.runner.feed(prompt, 0)).rejects.toThrow('The disk is gone.');
    broken = false;
    expect((await answer(model, 70, 4, before.runner)).ids).toEqual(before.ids);
    for (const ms of [0, 5, 20]) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), ms);
      await before.runner.feed(prompt, 0, stop.signal).catch((error: unknown) => expect(String(error)).toMatch(/abort/i));
    }
    expect((await answer(model, 70, 4, before.runner)).ids).toEqual(before.ids);
    await close(model);
  });
});
