// What a mixture used is kept, and tells what its next answers will fetch: on the trained one, with other prompts and other budgets, on Dawn.
import { expect, it } from 'vitest';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type Uses } from '../../../src/weights/stream/items/uses.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, bytesOf, openEngine, quick } from '../../engine.ts';
import { openFixtureFile, options } from '../../streamed.ts';
import { record } from '../../verified.ts';

const path = 'sparse/stories-smallthinker.q8_0.gguf';
const newTokens = 120;

it.skipIf(!adapterFile)('bytes fetched for a token are foretold within 25 % by what earlier answers used', { timeout: 120_000 }, async () => {
  const kept = new Map<string, Uses>();
  const uses = { get: async (key: string) => kept.get(key), set: async (key: string, value: Uses) => void kept.set(key, value) };
  const engine = openEngine({ uses });
  const budgets = sweepBudgets((await openFixtureFile(path)).opened, options).filter(({ name }) => ['75 %', '50 %', '25 %'].includes(name));
  const load = (budgetBytes: number) => engine.load(bytesOf(path), { ...quick, kernels: `${quick.kernels},chunk=64`, context: 256, budgetBytes });
  const asked = (first: number, seed: number) => ({
    prompt: { tokens: [1, first, 100, 200] }, maxTokens: newTokens, sampling: { temperature: 1, seed, logitBias: { 2: -100 } }, // without the end
  });
  await load(budgets[0].budgetBytes);
  expect(engine.stats().onDemand?.byUse).toBe(false);
  const { stats: { newTokens: made } } = await answer(engine, asked(400, 1));
  expect(made).toBe(newTokens);
  expect([...kept.values()].map((each) => each.length)).toEqual([4 * (newTokens - 1)]); // in each of four layers; the prompt is none of them

  const off: Record<string, number> = {};
  for (const { name, budgetBytes } of budgets) {
    await load(budgetBytes);
    const { byUse, fetchedBytes } = engine.stats().onDemand!;
    expect(byUse).toBe(true);
    const { stats } = await answer(engine, asked(300, 7));
    const measured = stats.transfer!.decode.itemBytes / (stats.newTokens - 1);
    off[name] = fetchedBytes / measured - 1;
    expect(Math.abs(off[name]), `${name}: ${fetchedBytes} foretold, ${measured} fetched`).toBeLessThan(0.25);
  }
  const usedBefore = [...kept.values()][0].length;
  engine.loaded().model.gpu.device.destroy();
  await answer(engine, asked(200, 3));
  expect([...kept.values()][0].length, 'uses from before the GPU was lost').toBeGreaterThanOrEqual(usedBefore + 4 * (newTokens - 1));
  await engine.unload();
  record({
    point: 'bytes of experts fetched for a token, foretold by what an earlier answer used; off by',
    command: 'npx vitest run --project gpu test/gpu/stream/experts-forecast-gpu.test.ts',
    value: Object.entries(off).map(([name, each]) => `${(100 * each).toFixed(0)} % at a budget of ${name}`).join(', '),
  });
  console.log(off);
});
