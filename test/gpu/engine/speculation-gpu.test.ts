// Guesses of next tokens on Dawn: a text is the same with them, whatever is guessed, and they change nothing that comes later.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type Gpu } from '../../../src/gpu/device.ts';
import { type SamplerOptions } from '../../../src/model/sampling/stage.ts';
import { type SamplingOptions, type Token } from '../../../src/protocol.ts';
import { mulberry32 } from '../../../src/random.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, openEngine, quick, stories } from '../../engine.ts';
import { openDawn, openFixture, testChoice } from '../../models/model.ts';

const path = 'stories260K/stories260K.gguf';
const prompt = Array.from({ length: 70 }, (_, i) => 3 + ((i * 7919) % 500));
const count = 40;

const asked: Partial<SamplerOptions>[] = [
  {},
  { temperature: 1.2, topK: 20, topP: 0.9, seed: 8, logprobs: 3 },
  { temperature: 1, seed: 9, logitBias: { 5: 3, 9: -100 }, repeatPenalty: 1.3, penaltyLast: 16 },
];

/** What follows the prompt, one by one. */
async function alone(model: LoadedModel, options: Partial<SamplerOptions>): Promise<Token[]> {
  const sequence = model.createSequence();
  const on = createRunner(model).of(sequence);
  await on.feed(prompt, 0);
  const made: Token[] = [];
  for await (const tokens of on.tokens(await model.samplerFor({ seed: 0, ...options }), prompt.length, count)) made.push(...tokens);
  sequence.close();
  return made;
}

/** The same in steps with guesses, of which some are wrong, and steps without. */
async function guessed(model: LoadedModel, options: Partial<SamplerOptions>, expected: readonly Token[]): Promise<Token[]> {
  const random = mulberry32(5);
  const sequence = model.createSequence();
  const runner = createRunner(model);
  const sampler = await model.samplerFor({ seed: 0, ...options });
  await runner.of(sequence).feed(prompt, 0);
  const made = [await runner.of(sequence).sample(sampler, prompt.length)];
  while (made.length < count) {
    const step = { sequence, sampler, length: prompt.length + made.length };
    const guesses = expected.slice(made.length, made.length + Math.floor(8 * random())).map(({ id }) => id);
    const wrong = Math.floor(10 * random());
    if (wrong < guesses.length) guesses[wrong] = (guesses[wrong] + 1) % model.graph.config.vocab;
    if (guesses.length) {
      const tokens = await runner.verify(step, guesses);
      expect(tokens.length).toBe(Math.min(wrong, guesses.length) + 1);
      made.push(...tokens);
    } else made.push(...(await (await runner.decode([step], 1)).tokens[0]));
  }
  sequence.close();
  return made.slice(0, count);
}

function expectSame(made: readonly Token[], expected: readonly Token[]): void {
  expect(made.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
  expect(made.map(({ top }) => top?.map(({ id }) => id))).toEqual(expected.map(({ top }) => top?.map(({ id }) => id)));
  for (const [i, { logprob = 0 }] of made.entries()) expect(logprob).toBeCloseTo(expected[i].logprob ?? 0, 4);
}

describe.skipIf(!adapterFile)('steps with guesses', () => {
  let gpu: Gpu;
  let model: LoadedModel;

  beforeAll(async () => {
    gpu = await openDawn();
    model = await openFixture(gpu, path, { logitsRows: 8, choice: { ...testChoice, few: 4 } });
  });
  afterAll(async () => {
    await model.destroy();
    gpu.device.destroy();
  });

  it.each(asked)('choose what is chosen one by one: %o', async (options) => {
    const expected = await alone(model, options);
    expectSame(await guessed(model, options, expected), expected);
  });

  it('choose it where weights are streamed, and read those once for all guesses of a step', async () => {
    const expected = await alone(model, asked[1]);
    const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv, sequences: 2 }).find(({ name }) => name === '25 %')!;
    const streamed = await openFixture(gpu, path, { logitsRows: 8, sequences: 2, budgetBytes, choice: { ...testChoice, few: 4 } });
    try {
      expect(streamed.plan.verdict).toBe('streams');
      expectSame(await guessed(streamed, asked[1], expected), expected);
      const runner = createRunner(streamed);
      await runner.feed(prompt, 0);
      const sampler = await streamed.samplerFor({ seed: 0, ...asked[1] });
      await runner.sample(sampler, prompt.length);
      const step = { sequence: streamed.sequence, sampler, length: prompt.length + 1 };
      const before = runner.transfer();
      const tokens = await runner.verify(step, expected.slice(1, 8).map(({ id }) => id));
      expect(tokens).toHaveLength(8);
      expect(runner.transfer().uploadedBytes - before.uploadedBytes).toBeLessThanOrEqual(streamed.plan.streamedBytes);
      expect(streamed.ledger.peakBytes).toBeLessThanOrEqual(streamed.plan.totalBytes);
    } finally {
      await streamed.destroy();
    }
  });

  it('end behind an end token, where nothing was chosen, whatever was guessed there', async () => {
    const expected = (await alone(model, asked[1])).map(({ id }) => id);
    const at = expected.findIndex((id, i) => i > 2 && !expected.slice(0, i).includes(id));
    const ends = [expected[at]];
    const sequence = model.createSequence();
    const runner = createRunner(model);
    const sampler = await model.samplerFor({ seed: 0, ...asked[1], ends });
    await runner.of(sequence).feed(prompt, 0);
    const made = [(await runner.of(sequence).sample(sampler, prompt.length)).id];
    const verify = async (guesses: readonly number[]) =>
      made.push(...(await runner.verify({ sequence, sampler, ends, length: prompt.length + made.length }, guesses)).map(({ id }) => id));
    while (made.length < at - 1) await verify([(expected[made.length] + 1) % model.graph.config.vocab]);
    await verify([...expected.slice(made.length, at + 1), 11, 12, 13]);
    expect(made).toEqual(expected.slice(0, at + 1));
    sequence.close();
  });

  it('end where the context ends', async () => {
    const short = await openFixture(gpu, path, { logitsRows: 8, context: prompt.length + 5, choice: testChoice });
    const runner = createRunner(short);
    await runner.feed(prompt, 0);
    const sampler = await short.samplerFor({ seed: 0 });
    await runner.sample(sampler, prompt.length);
    const step = { sequence: short.sequence, sampler, length: prompt.length + 1 };
    await expect(runner.verify(step, [1, 2, 3, 4])).rejects.toThrow('do not fit the context'); // ids have a place for the token behind the last guess
    expect(await runner.verify(step, [1, 2, 3])).not.toHaveLength(0);
    await short.destroy();
  });
});

describe.skipIf(!adapterFile)('an engine that guesses', () => {
  const load = async (guesses: boolean) => {
    const engine = openEngine();
    // Each token by itself: of several at once, as many as suits the time that they take, some lie behind a place where something could be guessed.
    await engine.load(stories(), { ...quick, context: 256, ...(guesses && { speculation: {}, experiment: { allGuesses: true, tokensPerSubmit: 1 } }) });
    return engine;
  };
  const requests: SamplingOptions[] = [{}, { temperature: 0.7, seed: 3 }, { temperature: 0.7, seed: 3 }, { frequencyPenalty: 0.5, logprobs: 2 }];
  const tokens = [1, ...Array.from({ length: 60 }, (_, i) => 300 + (i % 12))];

  it('gives the answers of one that does not, in fewer steps, one after the other and beside each other', async () => {
    const [plain, guessing] = [await load(false), await load(true)];
    const ask = (engine: typeof plain, sampling: SamplingOptions) => answer(engine, { prompt: { tokens }, sampling, maxTokens: 60 });
    const expected = [];
    for (const sampling of requests) expected.push(await ask(plain, sampling));
    for (const [i, sampling] of requests.entries()) {
      const made = await ask(guessing, sampling);
      expect(made).toMatchObject({ ids: expected[i].ids, text: expected[i].text, reason: expected[i].reason });
      const { guessedTokens = 0, rightTokens = 0, newTokens } = made.stats;
      expect(guessedTokens).toBeGreaterThan(0);
      expect(rightTokens).toBeLessThanOrEqual(Math.min(guessedTokens, newTokens));
      if (i === 2) expect(rightTokens).toBeGreaterThan(40); // the answer before was the same
    }
    const together = await Promise.all(requests.map((sampling) => ask(guessing, sampling)));
    expect(together.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
    expect(guessing.stats().gpuBytesPeak).toBeLessThanOrEqual(guessing.loaded().model.plan.totalBytes);
    for (const engine of [plain, guessing]) await engine.unload();
  });

  it('counts nothing behind a stop string within guesses', async () => {
    const [plain, guessing] = [await load(false), await load(true)];
    const { text } = await answer(plain, { prompt: { tokens }, maxTokens: 60 });
    await answer(guessing, { prompt: { tokens }, maxTokens: 60 });
    const request = { prompt: { tokens }, maxTokens: 60, stop: [text.slice(20, 24)] };
    const expected = await answer(plain, request);
    const made = await answer(guessing, request);
    expect(made).toMatchObject({ ids: expected.ids, text: expected.text, reason: 'stop' });
    const { newTokens, rightTokens = 0, guessedTokens = 0 } = made.stats;
    expect(guessedTokens).toBeGreaterThan(0);
    expect(rightTokens).toBeLessThan(newTokens);
    for (const engine of [plain, guessing]) await engine.unload();
  });

  it('guesses no more than it may', async () => {
    const engine = openEngine();
    const { config: { vocab, dim } } = (await engine.load(stories(), { ...quick, context: 256 }), engine.loaded().model.graph);
    for (const [speculation, most] of [[{ most: 2 }, 2], [{ budgetBytes: 3.5 * 4 * (vocab + dim) }, 3], [{ budgetBytes: 100 }, 0]] as const) {
      await engine.load(stories(), { ...quick, context: 256, speculation, experiment: { allGuesses: true } });
      const { stats } = await answer(engine, { prompt: { tokens }, maxTokens: 8 });
      expect(stats.guessedTokens ?? 0).toBeLessThanOrEqual(8 * most);
      expect((stats.guessedTokens ?? 0) > 0).toBe(most > 0);
    }
    await engine.unload();
  });
});
