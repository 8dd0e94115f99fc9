// Several sequences of one placed model on Dawn: each gives the logits that it gives alone, forks leave their parent as it is,
// what is saved goes on elsewhere, and nothing stays on the GPU that was closed.
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { RequestError } from '../../../src/errors.ts';
import { type Gpu } from '../../../src/gpu/device.ts';
import { type Sequence } from '../../../src/kv/sequence.ts';
import { adapterFile } from '../../dawn.ts';
import { fixture } from '../../models/fixture.ts';
import { openDawn, openFixture } from '../../models/model.ts';

const path = 'stories260K/stories260K.gguf';
const words = (seed: number, count: number) => Array.from({ length: count }, (_, i) => 3 + ((i * 7919 + seed * 104729) % 500));

describe.skipIf(!adapterFile)('sequences', () => {
  let gpu: Gpu;
  let model: LoadedModel;
  let runner: Runner;

  beforeAll(async () => {
    gpu = await openDawn();
    model = await openFixture(gpu, path, { logitsRows: 1 });
    runner = createRunner(model);
  });
  afterAll(async () => {
    await model.destroy();
    gpu.device.destroy();
  });

  const greedy = async (sequence: Sequence, ids: number[], count: number): Promise<number[]> => {
    const on = runner.of(sequence);
    const shared = sequence.tokens.length;
    await on.feed(ids.slice(shared), shared);
    const made: number[] = [];
    for await (const tokens of on.tokens(await model.samplerFor({ seed: 0 }), ids.length, count)) made.push(...tokens.map(({ id }) => id));
    return made;
  };
  const alone = async (ids: number[], count: number): Promise<number[]> => {
    const sequence = model.createSequence();
    const made = await greedy(sequence, ids, count);
    sequence.close();
    return made;
  };

  it('that take turns, chunk by chunk and token by token, give what each gives alone', async () => {
    const prompts = [words(1, 40), words(2, 300), words(3, 5)];
    const expected = [];
    for (const prompt of prompts) expected.push(await alone(prompt, 12));
    const sequences = prompts.map(() => model.createSequence());
    const texts = prompts.map((prompt) => prompt.slice());
    for (const [i, sequence] of sequences.entries()) await runner.of(sequence).feed(prompts[i].slice(0, 4), 0);
    for (let round = 0; round < 12; round++) for (const [i, sequence] of sequences.entries()) texts[i].push(...(await greedy(sequence, texts[i], 1)));
    expect(texts.map((text, i) => text.slice(prompts[i].length))).toEqual(expected);
    sequences.forEach((sequence) => sequence.close());
  });

  it('are forked without a change of the parent, at any length', async () => {
    const prompt = words(4, 290);
    const parent = model.createSequence();
    const expected = await greedy(parent, prompt, 8);
    for (const length of [0, 1, 31, 32, 33, 256, 257, 290]) {
      const child = await parent.fork(length);
      expect(child.tokens).toEqual(prompt.slice(0, length));
      const other = [...prompt.slice(0, length), ...words(5, 20)];
      expect(await greedy(child, other, 8), `after ${length} tokens in common`).toEqual(await alone(other, 8));
      child.close();
    }
    parent.truncate(289);
    expect(await greedy(parent, prompt, 8)).toEqual(expected);
    parent.close();
  });

  it('are cut and fed again as if they were new', async () => {
    const sequence = model.createSequence();
    await greedy(sequence, words(6, 270), 4);
    expect(sequence.truncate(100)).toBe(100);
    const text = [...words(6, 100), ...words(7, 60)];
    expect(await greedy(sequence, text, 8)).toEqual(await alone(text, 8));
    sequence.close();
  });

  it('go on after they were saved, on another device and without a prompt, and nowhere else', async () => {
    const prompt = words(8, 280);
    const sequence = model.createSequence();
    const expected = await greedy(sequence, [...prompt, 9], 8);
    sequence.truncate(prompt.length);
    const saved = await sequence.save('stories');
    sequence.close();
    const elsewhere = await openDawn();
    const there = await openFixture(elsewhere, path, { logitsRows: 1 });
    try {
      const restored = there.createSequence();
      await restored.restore(saved, 'stories');
      expect(restored.tokens).toEqual(prompt);
      const on = createRunner(there).of(restored);
      await on.feed([9], prompt.length);
      const made: number[] = [];
      for await (const tokens of on.tokens(await there.samplerFor({ seed: 0 }), prompt.length + 1, 8)) made.push(...tokens.map(({ id }) => id));
      expect(made).toEqual(expected);
      await expect(restored.restore(saved, 'another')).rejects.toThrow(RequestError);
      await expect(restored.restore(saved.subarray(0, 1000), 'stories')).rejects.toThrow(RequestError);
    } finally {
      await there.destroy();
      elsewhere.device.destroy();
    }
  });

  it('go on where another process saved them, in an earlier version too, and without a prompt', async () => {
    const prompt = words(11, 40);
    const sequence = model.createSequence();
    const expected = await greedy(sequence, [...prompt, 9], 8);
    sequence.truncate(prompt.length);
    if (process.env.WINDROW_SAVE_SNAPSHOT) writeFileSync('test/fixtures/stories260K/sequence.bin.gz', gzipSync(await sequence.save('stories')));
    sequence.close();
    const restored = model.createSequence();
    await restored.restore(fixture('stories260K/sequence.bin'), 'stories');
    expect(restored.tokens).toEqual(prompt);
    const on = runner.of(restored);
    await on.feed([9], prompt.length);
    const made: number[] = [];
    for await (const tokens of on.tokens(await model.samplerFor({ seed: 0 }), prompt.length + 1, 8)) made.push(...tokens.map(({ id }) => id));
    expect(made).toEqual(expected);
    restored.close();
  });

  it('give all of their bytes back', async () => {
    const { ledger } = model;
    const before = { ...ledger.bytes };
    for (let round = 0; round < 3; round++) {
      const sequence = model.createSequence();
      const sampler = await model.samplerFor({ seed: 1, temperature: 1, logprobs: 2 });
      await runner.of(sequence).feed(words(9, 300), 0);
      for await (const tokens of runner.of(sequence).tokens(sampler, 300, 3)) expect(tokens.length).toBeGreaterThan(0);
      const fork = await sequence.fork();
      expect(ledger.bytes.kv).toBeGreaterThan(before.kv);
      fork.close();
      sequence.close();
      if (round === 0) before.activations = ledger.bytes.activations; // scratch of stages that nobody had asked for before
      before.parameters = ledger.bytes.parameters;
      expect({ ...ledger.bytes }).toEqual(before);
    }
  });
});
