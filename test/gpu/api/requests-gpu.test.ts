// Requests of one engine at the same time, on Dawn: each gets the text that it gets alone, whatever becomes of the others, and
// none waits for another to end.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, type EngineOptions } from '../../../src/engine/engine.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type GenerateRequest } from '../../../src/protocol.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { type Answer, answer, openEngine, quick, stories } from '../../engine.ts';
import { isFull, record } from '../../verified.ts';

const words = (seed: number, count: number) => Array.from({ length: count }, (_, i) => 3 + ((i * 7919 + seed * 104729) % 500));
const options: EngineOptions = { ...quick, kernels: `${quick.kernels},chunk=64`, context: 512 };
const requests: GenerateRequest[] = [
  { prompt: { tokens: words(1, 30) }, maxTokens: 30 },
  { prompt: { tokens: words(2, 150) }, maxTokens: 12, sampling: { temperature: 1, seed: 5 } },
  { prompt: { tokens: words(3, 5) }, maxTokens: 40, sampling: { repeatPenalty: 1.2 } },
  { prompt: { tokens: words(4, 64) }, maxTokens: 25, sampling: { temperature: 0.8, topK: 30, topP: 0.9, seed: 6, logprobs: 2 } },
  { prompt: { tokens: words(5, 90) }, maxTokens: 1 },
  { prompt: { text: 'Once upon a time' }, maxTokens: 35, stop: ['the'] },
  { prompt: { text: 'Tom had a red ball' }, maxTokens: 20 },
  { prompt: { tokens: words(6, 10) }, maxTokens: 33, sampling: { temperature: 1.1, seed: 7, minP: 0.05 } },
  { prompt: { tokens: words(7, 20) }, maxTokens: 20 },
  { prompt: { tokens: words(8, 40) }, maxTokens: 15 },
];

/** The short run asks fewer: no two of the first are of one kind. */
const some = (count: number): readonly GenerateRequest[] => (isFull ? requests : requests.slice(0, count));

const textOf = ({ ids, text, reason }: Answer) => ({ ids, text, reason });

async function alone(engine: Engine, list: readonly GenerateRequest[]): Promise<ReturnType<typeof textOf>[]> {
  const texts = [];
  for (const request of list) texts.push(textOf(await answer(engine, request)));
  return texts;
}

/** Loads with a quarter of the weights on the GPU. */
async function loadStreamed(engine: Engine, more: EngineOptions = {}): Promise<void> {
  await engine.load(stories(), { ...options, ...more });
  const { model } = engine.loaded();
  const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv, sequences: more.sequences }).find(({ name }) => name === '25 %')!;
  await engine.load(stories(), { ...options, ...more, budgetBytes });
  expect(engine.loaded().model.plan.verdict).toBe('streams');
}

describe.skipIf(!adapterFile)('requests at the same time', () => {
  let engine: Engine;

  beforeAll(async () => {
    dawn();
    engine = openEngine();
    await engine.load(stories(), { ...options, sequences: 8 });
  });
  afterAll(() => engine.unload());

  it('get the texts that they get alone, and their bytes are within the plan', async () => {
    const list = some(6);
    const expected = await alone(engine, list);
    const found = await Promise.all(list.map((request) => answer(engine, request)));
    expect(found.map(textOf)).toEqual(expected);
    const { ledger, plan } = engine.loaded().model;
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
  });

  it('are answered together: none waits for another to end', async () => {
    const ended: number[] = [];
    const first: number[] = [];
    // Apart by more than the 16 tokens that a submit may have, and those that others make before the last prompt was run.
    await Promise.all(
      [100, 60, 5].map((maxTokens, i) =>
        answer(engine, { prompt: { tokens: words(20 + i, 10) }, maxTokens }, undefined, (count) => void (count === 1 && first.push(i))).then(() =>
          ended.push(i),
        ),
      ),
    );
    expect(first).toEqual([0, 1, 2]);
    expect(ended).toEqual([2, 1, 0]);
  });

  it('go on between the steps of a long prompt', async () => {
    const seen: number[] = [];
    let made = 0;
    const long = { tokens: words(30, 400) }; // seven steps
    let reading: Promise<Answer> | undefined;
    await answer(engine, { prompt: { tokens: words(31, 10) }, maxTokens: 200 }, undefined, (count) => {
      made = count;
      if (count === 20) reading = answer(engine, { prompt: long, maxTokens: 1 }, undefined, () => seen.push(made));
    });
    expect((await reading!).ids).toHaveLength(1);
    expect(seen[0] - 20).toBeGreaterThanOrEqual(6);
    expect(seen[0]).toBeLessThan(200);
  });

  it('are left as they are where one is stopped or fails', async () => {
    const [a, b] = [requests[0], requests[3]];
    const expected = await alone(engine, [a, b]);
    const stop = new AbortController();
    const found = await Promise.allSettled([
      answer(engine, a),
      answer(engine, { prompt: { tokens: words(40, 20) }, maxTokens: 300 }, stop.signal, (count) => void (count === 7 && stop.abort())),
      answer(engine, { prompt: { tokens: [] } }),
      answer(engine, { prompt: { tokens: words(41, 20) }, maxTokens: 50 }, undefined, (count) => {
        if (count === 5) throw new Error('the receiver broke');
      }),
      answer(engine, b),
    ]);
    expect([found[0], found[4]].map((each) => textOf((each as PromiseFulfilledResult<Answer>).value))).toEqual(expected);
    expect(found[1]).toMatchObject({ value: { reason: 'abort', ids: { length: 7 } } });
    expect(found[2]).toMatchObject({ status: 'rejected', reason: { name: 'RequestError' } });
    expect(found[3]).toMatchObject({ status: 'rejected', reason: { message: 'the receiver broke' } });
  });

  it('for several texts of one prompt run it once, and give others than each other, the same again', async () => {
    const request = (choice: number): GenerateRequest => ({ prompt: { tokens: words(50, 200) }, maxTokens: 20, sampling: { temperature: 1, seed: 3 }, choice });
    const ask = () => Promise.all([0, 1, 2, 3].map((choice) => answer(engine, request(choice))));
    const found = await ask();
    expect(new Set(found.map(({ ids }) => ids.join())).size).toBe(4);
    expect(found.map(({ stats }) => stats.cachedTokens)).toEqual([0, 199, 199, 199]);
    expect((await ask()).map(textOf)).toEqual(found.map(textOf));
    expect(textOf(await answer(engine, { ...request(0), choice: undefined }))).toEqual(textOf(found[0]));
  });

  it('for prompts with a common beginning run that once, but for its end', async () => {
    const common = words(60, 200);
    const list = [61, 62, 63].map((seed): GenerateRequest => ({ prompt: { tokens: [...common, ...words(seed, 10)] }, maxTokens: 6 }));
    const found = await Promise.all(list.map((request) => answer(engine, request)));
    const [first, ...others] = found.map(({ stats }) => stats.cachedTokens);
    record({
      point: 'Three prompts of 210 tokens with a beginning of 200 in common: tokens of the second and third that are not run again',
      command: 'npx vitest run --project gpu test/gpu/api/requests-gpu.test.ts -t "common beginning"',
      value: others.join(', '),
    });
    expect(first).toBe(0);
    expect(Math.min(...others)).toBeGreaterThan(180); // the end of it, where that is less than half of what is still to be run
    expect(found.map(textOf)).toEqual(await alone(engine, list));
  });

  it('go on with their texts where the GPU is lost under all of them', async () => {
    const list = some(3).slice(0, 4);
    const expected = await alone(engine, list);
    const before = engine.loaded().model;
    const found = await Promise.all(
      list.map((request, i) => answer(engine, request, undefined, (count) => void (i === 0 && count === 8 && before.gpu.device.destroy()))),
    );
    expect(found.map(textOf)).toEqual(expected);
    expect(engine.loaded().model).not.toBe(before);
    expect(found[0].stats.notices).toHaveLength(1);
  });
});

describe.skipIf(!adapterFile)('requests at the same time with little room', () => {
  it('give way to each other, and end with the texts that they get alone', async () => {
    dawn();
    const engine = openEngine();
    await engine.load(stories(), options); // keys and values of 512 positions, for all together
    const maxTokens = isFull ? 200 : 100;
    const list = [0, 1, 2].map((i): GenerateRequest => ({ prompt: { tokens: words(60 + i, 100) }, maxTokens, sampling: { temperature: 1, seed: i } }));
    const expected = await alone(engine, list);
    const { ledger, plan } = engine.loaded().model;
    expect((await Promise.all(list.map((request) => answer(engine, request)))).map(textOf)).toEqual(expected);
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    await engine.unload();
  });

  it('get the texts that they get alone with a quarter of the weights on the GPU, and stop at once', async () => {
    dawn();
    const engine = openEngine();
    await loadStreamed(engine, { sequences: 8 });
    const list = some(4).slice(0, 8);
    const expected = await alone(engine, list);
    expect((await Promise.all(list.map((request) => answer(engine, request)))).map(textOf)).toEqual(expected);
    const { ledger, plan } = engine.loaded().model;
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    const stop = new AbortController();
    const ended = await Promise.all(
      [0, 1].map((i) => answer(engine, { prompt: { tokens: words(70 + i, 20) } }, stop.signal, (count) => void (i === 1 && count === 3 && stop.abort()))),
    );
    expect(ended.map(({ reason }) => reason)).toEqual(['abort', 'abort']);
    await engine.unload();
  });
});
