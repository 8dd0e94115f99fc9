// Steps over several sequences on Dawn: each one's text is its text alone, whatever the others do; nothing is made or written
// for a token; weights that do not stay on the GPU are read once for all of a step.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type Answering } from '../../../src/engine/run/answer/choose.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { type Gpu } from '../../../src/gpu/device.ts';
import { type SamplerOptions } from '../../../src/model/sampling/stage.ts';
import { type Token } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { openDawn, openFixture, testChoice } from '../../models/model.ts';

const path = 'stories260K/stories260K.gguf';
const words = (seed: number, count: number) => Array.from({ length: count }, (_, i) => 3 + ((i * 7919 + seed * 104729) % 500));
const prompts = [40, 3, 64, 17, 9, 130, 28, 51].map((length, i) => words(i, length));

describe.skipIf(!adapterFile)('steps over several sequences', () => {
  let gpu: Gpu;
  let model: LoadedModel;
  let runner: Runner;

  beforeAll(async () => {
    gpu = await openDawn();
    model = await openFixture(gpu, path, { logitsRows: 8, choice: { ...testChoice, few: 4 } });
    runner = createRunner(model);
  });
  afterAll(async () => {
    await model.destroy();
    gpu.device.destroy();
  });

  const alone = async (prompt: number[], count: number, options: Partial<SamplerOptions> = {}): Promise<Token[]> => {
    const sequence = model.createSequence();
    await runner.of(sequence).feed(prompt, 0);
    const made: Token[] = [];
    for await (const tokens of runner.of(sequence).tokens(await model.samplerFor({ seed: 0, ...options }), prompt.length, count)) made.push(...tokens);
    sequence.close();
    return made;
  };

  interface Text extends Answering {
    made: Token[];
  }

  /** A prompt that was run, with its first token. */
  const begin = async (prompt: number[], options: Partial<SamplerOptions> = {}): Promise<Text> => {
    const sequence = model.createSequence();
    const sampler = await model.samplerFor({ seed: 0, ...options });
    await runner.of(sequence).feed(prompt, 0);
    return { sequence, sampler, length: prompt.length + 1, made: [await runner.of(sequence).sample(sampler, prompt.length)] };
  };

  const goOn = async (texts: Text[], most: number): Promise<void> => {
    for (let left = most; left > 0; ) {
      const { count, tokens } = await runner.decode(texts, left);
      for (const [i, text] of texts.entries()) {
        text.made.push(...(await tokens[i]));
        text.length += count;
      }
      left -= count;
    }
  };

  const closeAll = (texts: Text[]) => texts.forEach(({ sequence }) => sequence.close());

  it.each([2, 3, 8])('of %i give each the text that it has alone', async (count) => {
    const expected: Token[][] = [];
    for (const prompt of prompts.slice(0, count)) expected.push(await alone(prompt, 40));
    const texts: Text[] = [];
    for (const prompt of prompts.slice(0, count)) texts.push(await begin(prompt));
    await goOn(texts, 39);
    expect(texts.map(({ made }) => made)).toEqual(expected);
    closeAll(texts);
  });

  it('go on in other companies and alone, and are joined by prompts between their tokens', async () => {
    const expected: Token[][] = [];
    for (const prompt of prompts.slice(0, 4)) expected.push(await alone(prompt, 31));
    const [a, b] = [await begin(prompts[0]), await begin(prompts[1])];
    await goOn([a, b], 5);
    const c = await begin(prompts[2]);
    await goOn([c, a], 5);
    await goOn([b], 5);
    const d = await begin(prompts[3]);
    await goOn([d, c, b, a], 20);
    for (const [i, { made }] of [a, b, c, d].entries()) expect(made, `text ${i}`).toEqual(expected[i].slice(0, made.length));
    closeAll([a, b, c, d]);
  });

  it('sample each by what its own request asks', async () => {
    const options: Partial<SamplerOptions>[] = [
      {},
      { temperature: 0.9, seed: 7 },
      { temperature: 1.2, topK: 20, topP: 0.9, seed: 8, logprobs: 3 },
      { repeatPenalty: 1.3, penaltyLast: 16 },
      { temperature: 1, seed: 9, logitBias: { 5: 3, 9: -100 } },
      { mask: new Uint32Array(16).fill(0x55555555), temperature: 1, seed: 3 },
      { frequencyPenalty: 1, logprobs: 0 },
      { temperature: 1, seed: 7, minP: 0.1 },
    ];
    const ids = (tokens: Token[]) => tokens.map(({ id }) => id);
    const expected: Token[][] = [];
    for (const [i, each] of options.entries()) expected.push(await alone(prompts[i], 24, each));
    const texts: Text[] = [];
    for (const [i, each] of options.entries()) texts.push(await begin(prompts[i], each));
    await goOn(texts, 23);
    for (const [i, { made }] of texts.entries()) {
      expect(ids(made), `text ${i}`).toEqual(ids(expected[i]));
      expect(made.map(({ top }) => top?.map(({ id }) => id)), `listed of text ${i}`).toEqual(expected[i].map(({ top }) => top?.map(({ id }) => id)));
      for (const [t, { logprob = 0 }] of made.entries()) expect(logprob).toBeCloseTo(expected[i][t].logprob ?? 0, 4);
    }
    closeAll(texts);
  });

  it('make and write nothing for a token', async () => {
    const texts: Text[] = [];
    for (const prompt of prompts) texts.push(await begin(prompt));
    await goOn(texts, 20);
    const calls = countCalls();
    await goOn(texts, 20);
    const { creations, writeBuffers } = calls.read();
    expect({ creations, writeBuffers }).toEqual({ creations: 0, writeBuffers: 0 });
    closeAll(texts);
  });

  it('tell an error to the sequence that has it', async () => {
    const texts: Text[] = [];
    for (const prompt of prompts.slice(0, 3)) texts.push(await begin(prompt));
    const { buffer } = texts[1].sequence.fresh(0);
    gpu.device.queue.writeBuffer(buffer, 0, new Float32Array(buffer.size / 4).fill(NaN));
    const { tokens } = await runner.decode(texts, 1);
    const [first, second, third] = await Promise.allSettled(tokens);
    expect(second).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('No token can be chosen for position 4') as string } });
    for (const [i, each] of [[0, first], [2, third]] as const) expect(each).toMatchObject({ status: 'fulfilled', value: [(await alone(prompts[i], 2))[1]] });
    closeAll(texts);
  });

  it.each([2, 8])('of %i read each weight that does not stay on the GPU once for all, and give each its text', async (count) => {
    const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv, sequences: 8 }).find(({ name }) => name === '25 %')!;
    const [resident, ofResident] = [model, runner];
    const expected: Token[][] = [];
    for (const prompt of prompts.slice(0, count)) expected.push(await alone(prompt, 12));
    model = await openFixture(gpu, path, { logitsRows: 8, sequences: 8, budgetBytes, choice: { ...testChoice, few: 4 } });
    runner = createRunner(model);
    try {
      const { verdict, streamedBytes } = model.plan;
      expect(verdict).toBe('streams');
      const texts: Text[] = [];
      for (const prompt of prompts.slice(0, count)) texts.push(await begin(prompt));
      const steps: number[] = [];
      for (let i = 0; i < 11; i++) {
        const before = runner.transfer();
        await goOn(texts, 1);
        const after = runner.transfer();
        expect(after.uploadedBytes - before.uploadedBytes).toBe(after.storeBytes + after.memoryBytes - before.storeBytes - before.memoryBytes);
        steps.push(after.uploadedBytes - before.uploadedBytes);
      }
      expect(new Set(steps.slice(1)).size, steps.join()).toBe(1);
      expect(steps[1]).toBeLessThanOrEqual(streamedBytes);
      expect(steps[1]).toBeGreaterThan(0.5 * streamedBytes); // all but what a slot still holds
      expect(texts.map(({ made }) => made)).toEqual(expected);
      expect(model.ledger.peakBytes).toBeLessThanOrEqual(model.plan.totalBytes);
      closeAll(texts);
    } finally {
      await model.destroy();
      [model, runner] = [resident, ofResident];
    }
  });
});
