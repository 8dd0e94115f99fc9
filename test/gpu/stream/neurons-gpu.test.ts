// Neurons that are fetched as they are on, on Dawn, of a squared ReLU and of ReLU gates, without experts and of experts: the same logits and tokens
// for every budget, and what a token fetches.
import { describe, expect, it } from 'vitest';
import { type Plan, plan } from '../../../src/engine/load/plan/plan.ts';
import { smallestBudget, smallestChunk } from '../../../src/engine/load/plan/refusal.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { difference } from '../../../src/engine/run/transfers.ts';
import { neuronPolicy } from '../../../src/weights/stream/items/residence/policies.ts';
import { simulate } from '../../../src/weights/stream/items/simulate.ts';
import { type TensorInfo } from '../../../src/gguf/header.ts';
import { hasColumns } from '../../../src/weights/layout.ts';
import { type ModelFileOptions } from '../../../src/model/architecture.ts';
import { adapterFile } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { activeNeurons } from '../../models/neurons.ts';
import { type Opened, answer, close, load, openFixtureFile, options } from '../../streamed.ts';
import { isFull, record } from '../../verified.ts';

const command = 'npx vitest run --project gpu test/gpu/stream/neurons-gpu.test.ts';

interface Recorded {
  path: string;
  how?: ModelFileOptions;
  layers: number;
  /** Of a layer. */
  neurons: number;
  prompt: number[];
  greedy: number[];
  /** Tokens of the answer that are not compared with a window, as slots fill. */
  warm: number;
  /** Distinct neurons in the last tokens, and how many of a token they lack: the fixture's own account of itself. */
  held: number;
  lacking: number;
}

const stories = (name: string) => {
  const { prompt_tokens: prompt, greedy100: greedy } = jsonFixture<{ prompt_tokens: number[]; greedy100: number[] }>(`sparse/${name}.json`);
  return { path: `sparse/${name}.q8_0.gguf`, layers: 4, prompt, greedy, warm: 25 };
};
const relu = jsonFixture<{ tokens24: number[]; greedy32: number[]; windows: { k: number; held: number; lacking: number }[] }>('tiny/tiny-llama-relu.json');

/** Of windows of 8 tokens. */
const models: Recorded[] = [
  { ...stories('stories-arcee'), neurons: 512, held: 633, lacking: 50.6 },
  { ...stories('stories-smallthinker'), how: { neurons: true }, neurons: 1024, held: 406, lacking: 45.3 },
  {
    path: 'tiny/tiny-llama-relu.gguf', layers: 3, neurons: 512, prompt: relu.tokens24, greedy: relu.greedy32, warm: 8,
    ...relu.windows.find(({ k }) => k === 8)!,
  },
];

const slotsOf = ({ groups = [] }: Pick<Plan, 'groups'>): number => groups.reduce((sum, group) => sum + group.slots, 0);

/** The least budget at which so many neurons of all layers have slots. */
function budgetFor({ opened }: Opened, slots: number): number {
  let [least, enough] = ['smallest', '100 %'].map((wanted) => sweepBudgets(opened, options).find(({ name }) => name === wanted)!.budgetBytes);
  while (enough - least > 1) {
    const middle = Math.floor((least + enough) / 2);
    const planned = plan(opened, { ...options, budgetBytes: middle });
    if (planned.verdict === 'fits' || slotsOf(planned) >= slots) enough = middle;
    else least = middle;
  }
  return enough;
}

describe.skipIf(!adapterFile)('neurons on demand', () => {
  it.each(models)('of $path give the same logits and tokens for every budget, within the plan', async ({ path, how, layers, neurons }) => {
    const file = await openFixtureFile(path, how);
    const whole = await load(file, {});
    const expected = await answer(whole, 70, 12);
    await close(whole);
    const others = isFull ? [...sweepBudgets(file.opened, options), { name: 'few', budgetBytes: budgetFor(file, 300) }] : [];
    const smallest = { name: 'as few as run', budgetBytes: smallestBudget(file.opened, { ...options, chunk: smallestChunk }) };
    const budgets = [...others, smallest];
    let deviation = 0;
    let least = Infinity;
    for (const { name, budgetBytes } of budgets) {
      const model = await load(file, { budgetBytes, ramBytes: file.opened.layout.byteLength / 8 });
      const { plan: planned, ledger } = model;
      const { ids, logits } = await answer(model, 70, 12);
      expect(ids, name).toEqual(expected.ids);
      expect(logits, name).toEqual(expected.logits); // bit for bit: sums are made in the order of the neurons
      expect(ledger.peakBytes).toBeLessThanOrEqual(budgetBytes);
      if (planned.groups) deviation = Math.max(deviation, Math.abs(planned.totalBytes / ledger.peakBytes - 1));
      if (planned.groups) least = Math.min(least, slotsOf(planned));
      await close(model);
    }
    expect(least).toBe(32);
    expect(deviation).toBeLessThan(0.05);
    record({
      point: `${path}: the same logits bit for bit at ${budgets.length} budgets, neurons on demand, down to ${least} of ${layers * neurons}; plan against peak`,
      command, value: `within ${(100 * deviation).toFixed(1)} %`,
    });
  });

  it('of a model that an older windrow stored by rows reads all columns, with the same numbers', async () => {
    const [columns, rows] = await Promise.all([{}, { byRows: true }].map((how) => openFixtureFile(models[0].path, how)));
    expect([columns, rows].map(({ opened: { layout } }) => hasColumns(layout))).toEqual([true, false]);
    const answers = [];
    for (const file of [columns, rows]) {
      const model = await load(file, {});
      answers.push(await answer(model, 70, 12));
      await close(model);
    }
    const [expected, found] = answers;
    expect(found.ids).toEqual(expected.ids);
    expect(Math.max(...found.logits.map((value, i) => Math.abs(value - expected.logits[i])))).toBeLessThan(1e-4);
  });

  it.each(models)('uses the neurons of $path that were recorded, and fetches what a window of as many would', async (recorded) => {
    const { path, how, layers, neurons, prompt, greedy: answered, warm: warmTokens, held, lacking } = recorded;
    const file = await openFixtureFile(path, how);
    const trace: number[][] = [];
    const budgetBytes = budgetFor(file, held);
    const onExperts = (section: number, items: readonly number[]) => void trace.push(items.map((n) => neurons * (section - 1) + n));
    const model = await load(file, { budgetBytes, ramBytes: 1, experiment: { onExperts } });
    const slots = slotsOf(model.plan);
    expect(Math.abs(slots / held - 1)).toBeLessThan(0.02);
    const runner = createRunner(model);
    await runner.feed(prompt, 0);
    const logits = await runner.readLogits();
    const exact = goldenOf(path).slice(-logits.length);
    expect(Math.max(...logits.map((v, i) => Math.abs(v - exact[i])))).toBeLessThan(1e-3);
    const greedy = await model.samplerFor({ seed: 0 });
    const fed = trace.length;
    const ids = [(await runner.sample(greedy, prompt.length)).id];
    let warm = runner.transfer();
    while (ids.length < answered.length) {
      if (ids.length === warmTokens) warm = runner.transfer();
      ids.push((await runner.step(greedy, prompt.length - 1 + ids.length)).id);
    }
    expect(ids).toEqual(answered);
    const active = activeNeurons(path.replace(/(\.q8_0)?\.gguf$/, ''), layers, neurons);
    expect(trace.slice(fed)).toEqual(active.slice(layers * prompt.length, layers * (prompt.length + answered.length - 1)));
    const hits = simulate([[], ...trace], slots, neuronPolicy(layers)); // whose times begin at 1
    const { itemsUsed, itemsThere } = runner.transfer();
    expect([itemsUsed, itemsThere]).toEqual([hits.used, hits.there]);

    const { itemsUsed: used, itemsThere: there, itemBytes: fetchedBytes, storeBytes } = difference(runner.transfer(), warm);
    const tokens = ids.length - warmTokens;
    const fetched = (used - there) / tokens;
    expect(fetched).toBeLessThan(1.1 * lacking);
    const { itemBytes } = file.opened.layout.sections[1].pool!;
    expect(fetchedBytes).toBe((used - there) * itemBytes);
    expect(fetchedBytes / tokens).toBeLessThan((layers * neurons * itemBytes) / 4);
    await close(model);
    const isFfn = ({ name }: TensorInfo) => /^blk\.\d+\.ffn_(gate|up|down)(_exps)?\.weight$/.test(name);
    const ffnBytes = [...file.opened.header.tensors.values()].filter(isFfn).reduce((sum, { byteLength }) => sum + byteLength, 0);
    record({
      point: `${path} with ${slots} of ${layers * neurons} neurons on the GPU: fetched for a token after ${warmTokens}`, command,
      value: `${fetched.toFixed(1)} neurons (a window of 8 tokens, which holds ${Math.round(held)}: ${lacking.toFixed(1)}), ` +
        `${Math.round(fetchedBytes / tokens)} bytes of ${Math.round(ffnBytes)} of FFN; ${Math.round(storeBytes / tokens)} read`,
    });
  });
});

const goldenOf = (path: string): Float32Array =>
  floatsFixture(path.startsWith('tiny/') ? path.replace('.gguf', '.L24.ref.f32') : path.replace('.q8_0.gguf', '.prompt.ref.f32'));
