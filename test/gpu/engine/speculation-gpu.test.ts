// Guesses of next tokens on Dawn: a text is the same with them, whatever is guessed, and they change nothing that comes later.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type Gpu } from '../../../src/gpu/device.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { type KernelChoice, checksExactly } from '../../../src/model/choices/kernel-choice.ts';
import { missing } from '../../../src/model/choices/possible-choices.ts';
import { type SamplerOptions } from '../../../src/model/sampling/stage.ts';
import { type GenerateRequest, type SamplingOptions } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, openEngine, quick, stories } from '../../engine.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { alone, expectSame, guessed } from '../../models/guessed.ts';
import { openDawn, openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

const command = 'npx vitest run --project gpu test/gpu/engine/speculation-gpu.test.ts';
const path = 'stories260K/stories260K.gguf';
const prompt = Array.from({ length: 70 }, (_, i) => 3 + ((i * 7919) % 500));
const count = 40;

const asked: Partial<SamplerOptions>[] = [
  {},
  { temperature: 1.2, topK: 20, topP: 0.9, seed: 8, logprobs: 3 },
  { temperature: 1, seed: 9, logitBias: { 5: 3, 9: -100 }, repeatPenalty: 1.3, penaltyLast: 16 },
];

const ask = (sampling: Partial<SamplerOptions>) => ({ prompt, count, sampling });

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
    const expected = await alone(model, ask(options));
    expectSame(await guessed(model, ask(options), expected.tokens), expected);
  });

  // What is rounded may fall either way where sums differ in their last bits, as between steps of other lengths.
  it.each(isFull ? ['f16', 'q8'] : ['f16'])('choose it with keys and values in %s, with logits to 5e-3', async (kv) => {
    const rounded = await openFixture(gpu, path, { logitsRows: 8, choice: { ...testChoice, few: 4 }, kv: kvFormat(kv) });
    for (const sampling of asked.slice(0, 2)) {
      const expected = await alone(rounded, ask(sampling));
      expectSame(await guessed(rounded, ask(sampling), expected.tokens), expected, 5e-3);
    }
    await rounded.destroy();
  });

  it('choose it where weights are streamed, and read those once for all guesses of a step', async () => {
    const expected = await alone(model, ask(asked[1]));
    const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv, sequences: 2 }).find(({ name }) => name === '25 %')!;
    const streamed = await openFixture(gpu, path, { logitsRows: 8, sequences: 2, budgetBytes, choice: { ...testChoice, few: 4 } });
    try {
      expect(streamed.plan.verdict).toBe('streams');
      expectSame(await guessed(streamed, ask(asked[1]), expected.tokens), expected);
      const runner = createRunner(streamed);
      await runner.feed(prompt, 0);
      const sampler = await streamed.samplerFor({ seed: 0, ...asked[1] });
      await runner.sample(sampler, prompt.length);
      const step = { sequence: streamed.sequence, sampler, length: prompt.length + 1 };
      const before = runner.transfer();
      const tokens = await runner.verify(step, expected.tokens.slice(1, 8).map(({ id }) => id));
      expect(tokens).toHaveLength(8);
      expect(runner.transfer().uploadedBytes - before.uploadedBytes).toBeLessThanOrEqual(streamed.plan.streamedBytes);
      expect(streamed.ledger.peakBytes).toBeLessThanOrEqual(streamed.plan.totalBytes);
    } finally {
      await streamed.destroy();
    }
  });

  it('end behind an end token, where nothing was chosen, whatever was guessed there', async () => {
    const expected = (await alone(model, ask(asked[1]))).tokens.map(({ id }) => id);
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

/** Largest difference between the logits of eight tokens that are checked in one step and those of each by itself, behind `before` others. */
async function differenceOf(model: LoadedModel, ids: readonly number[], before: number): Promise<number> {
  const { vocab } = model.graph.config;
  const runner = createRunner(model);
  await runner.feed(ids.slice(0, before), 0);
  const together = await runner.feedRows(ids.slice(before, before + 8), before, [0, 1, 2, 3, 4, 5, 6, 7]);
  let largest = 0;
  await runner.feed(ids.slice(0, before), 0);
  for (let i = 0; i < 8; i++) {
    await runner.feed(ids.slice(before + i, before + i + 1), before + i);
    const alone = await runner.readLogits();
    largest = alone.reduce((most, v, id) => Math.max(most, Math.abs(v - together[i * vocab + id])), largest);
  }
  return largest;
}

describe.skipIf(!adapterFile)('rows of a step that checks guesses', () => {
  // What another token is chosen for is twice what logits differ by: two that are equally likely to 1e-3.
  const mostApart = 1e-3 / 2;
  const rounding: [string, Partial<KernelChoice>, string][] = [
    ['tiles of f16', { prefill: 'tile', tile: 'f16' }, 'f32'],
    ['tiles of signed bytes', { prefill: 'tile', tile: 'i8' }, 'f32'],
    ['tiles of two signed bytes, decode in integers, keys and values in f16', { prefill: 'tile', tile: 'i16', dot: 'i8' }, 'f16'],
    ['other tiles of one kind of matrix', { matrices: { 'Q6_K 512x256 norm logits': { prefill: 'tile', tile: 'f16' } } }, 'f32'],
  ];
  it.each(isFull ? rounding : rounding.slice(0, 1))('have the logits of each by itself, where prompts are multiplied in %s', async (name, choice, kv) => {
    const { tokens100 } = jsonFixture<{ tokens100: number[] }>('tiny/tiny-llama-k.json');
    const gpu = await sharedGpu();
    if (missing(gpu, choice)) return;
    const how = { choice: { ...testChoice, ...choice, few: 0 }, kv: kvFormat(kv), logitsRows: 8 };
    const found: number[] = [];
    for (const speculation of [undefined, {}]) {
      const model = await openFixture(gpu, 'tiny/tiny-llama-k.gguf', { ...how, speculation });
      found.push(await differenceOf(model, tokens100, 40));
      if (speculation) expect(checksExactly(model.choice)).toBe(true);
      await model.destroy();
    }
    const [before, after] = found;
    record({
      point: `logits of rows that check guesses against those of each by itself, ${name}: by the kernel for many rows, and as they are`, command,
      value: found.join(', '),
    });
    if (name === 'tiles of f16') expect(before).toBeGreaterThan(mostApart);
    expect(after).toBeLessThan(mostApart);
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

  it('makes nothing and runs nothing for the first time in an answer, that one without guesses does not', async () => {
    const used = new Set<GPUComputePipeline>();
    const { setPipeline } = GPUComputePassEncoder.prototype;
    GPUComputePassEncoder.prototype.setPipeline = function (this: GPUComputePassEncoder, pipeline) {
      used.add(pipeline);
      return setPipeline.call(this, pipeline);
    };
    try {
      const made: { creations: number; pipelines: number; guessed: number }[] = [];
      for (const speculation of [undefined, {}, ...(isFull ? [{ lookup: false, draft: stories() }, { lookup: false, shortContext: 128 }] : [])]) {
        const engine = openEngine();
        await engine.load(stories(), { ...quick, context: 320, speculation, experiment: { allGuesses: true, tokensPerSubmit: 1 } });
        const [before, calls] = [used.size, countCalls()];
        let atFirst: number | undefined; // a prompt may have buffers grow
        const request = { prompt: { tokens: [...tokens, ...tokens, ...tokens] }, maxTokens: 30 };
        const { stats: { guessedTokens = 0 } } = await answer(engine, request, undefined, () => void (atFirst ??= calls.read().creations));
        made.push({ creations: calls.read().creations - atFirst!, pipelines: used.size - before, guessed: guessedTokens });
        await engine.unload();
      }
      const [plain, ...guessing] = made;
      for (const { pipelines, guessed } of guessing) expect([pipelines <= plain.pipelines, guessed > 0]).toEqual([true, true]);
      expect(made[1].creations).toBeLessThanOrEqual(plain.creations);
    } finally {
      GPUComputePassEncoder.prototype.setPipeline = setPipeline;
    }
  });

  it('goes on with the same text where the GPU is lost within a step that checks guesses', async () => {
    const engine = await load(true);
    const request = { prompt: { tokens }, sampling: requests[1], maxTokens: 40 };
    const whole = await answer(engine, request);
    const { copyBufferToBuffer } = GPUCommandEncoder.prototype;
    let lost = 0;
    GPUCommandEncoder.prototype.copyBufferToBuffer = function (this: GPUCommandEncoder, ...copy: unknown[]) {
      const isNumberOfRow = copy[4] === 4; // which such steps alone copy
      if (isNumberOfRow && !lost++) engine.loaded().model.gpu.device.destroy();
      return (copyBufferToBuffer as (...args: unknown[]) => undefined).apply(this, copy);
    } as typeof copyBufferToBuffer;
    try {
      const { ids, text, stats } = await answer(engine, request);
      expect({ ids, text }).toEqual({ ids: whole.ids, text: whole.text });
      expect(stats.notices).toEqual([expect.stringContaining('The GPU was lost; the model was back')]);
      expect(lost).toBeGreaterThan(1); // and guesses were checked again
    } finally {
      GPUCommandEncoder.prototype.copyBufferToBuffer = copyBufferToBuffer;
    }
    await engine.unload();
  });

  it('guesses nothing of an answer with a grammar, whose masks the CPU makes, and gives the same', async () => {
    const [plain, guessing] = [await load(false), await load(true)];
    const request: GenerateRequest = {
      prompt: { text: 'Once upon a time Once upon a time' }, grammar: { regex: '([a-z]{2,5} ){8}' }, maxTokens: 30, sampling: { temperature: 1, seed: 4 },
    };
    const expected = await answer(plain, request);
    for (let i = 0; i < 2; i++) {
      const { ids, text, stats } = await answer(guessing, request);
      expect([ids, text, stats.guessedTokens]).toEqual([expected.ids, expected.text, undefined]);
    }
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
