// Families whose layers keep a state in place of keys and values, a tiny model each, on Dawn: golden logits however the tokens are fed, and after
// the state was saved, copied, or cut.
import { describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { createKernelCache } from '../../../src/gpu/kernels.ts';
import { type Sequence } from '../../../src/kv/sequence.ts';
import { adapterFile, isSwiftShader } from '../../dawn.ts';
import { floatsFixture, hasFixture, jsonFixture } from '../../models/fixture.ts';
import { goldenLogits, greedyTokens, recurrentFamilies } from '../../models/golden.ts';
import { answer, bytesOf, openEngine, quick } from '../../engine.ts';
import { errorInHalf, f16Bounds } from '../../models/half.ts';
import { openDawn, openFixture, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

/** Greedy tokens behind 24 that are compared. */
const followed = isFull ? 32 : 4;
const command = 'npx vitest run --project gpu test/gpu/model/recurrent-gpu.test.ts';
/** SwiftShader compiles slowly what lavapipe has run. */
const isLeftOut = isSwiftShader && !isFull;

/** Each of the operations that keep a state, and each with attention beside it; the others are made of the same. */
const some = ['lfm2', 'granitehybrid', 'falcon-h1', 'nemotron_h', 'qwen35', 'rwkv7'].map((family) => `tiny-${family}`);

interface Tokens {
  tokens24: number[];
  tokens100: number[];
  /** Greedy tokens behind `tokens24`, and by how much each led. */
  greedy32: number[];
  margins: number[];
  /** Tokens that follow `tokens100`, one by one, whose logits are in C8; and greedy ones behind it. */
  state?: { continue8: number[]; greedy24_after100: number[]; margins_after100: number[] };
}

describe.skipIf(!adapterFile || isLeftOut)('families with a recurrent state', async () => {
  const gpu = adapterFile ? await openDawn() : undefined;
  const kernels = gpu && createKernelCache(gpu.device);

  const here = recurrentFamilies.filter(({ name }) => isFull || some.includes(name));
  it.each(here)('$name gives the golden logits, however its tokens are fed', async ({ name }) => {
    const { tokens24, tokens100, greedy32, margins, state } = jsonFixture<Tokens>(`tiny/${name}.json`);
    const continue8 = state?.continue8 ?? [];
    const golden = goldenLogits(name);
    const after100 = floatsFixture(`tiny/${name}.L100.f32`);
    const model = await openFixture(gpu!, `tiny/${name}.gguf`, {}, kernels);
    const { vocab } = model.graph.config;
    const worst: Record<string, number> = {};
    const compare = (part: string, found: Float32Array, wanted: Float32Array) => {
      expect(found.length).toBe(wanted.length);
      found.forEach((value, i) => (worst[part] = Math.max(worst[part] ?? 0, Number.isNaN(value) ? Infinity : Math.abs(value - wanted[i]))));
    };
    const runner = createRunner(model);
    await runner.feedAll(tokens24, 0, (logits) => compare('in one go', logits, golden));
    for (const [position, token] of tokens24.entries()) {
      await runner.feed([token], position);
      compare('one by one', await runner.readLogits(), golden.subarray(position * vocab, (position + 1) * vocab));
    }
    const made = [await greedyTokens(name, model, runner, 24, { tokens: greedy32, margins }, followed)];
    await runner.feed(tokens100, 0);
    compare('100', await runner.readLogits(), after100);
    if (isFull && state) made.push(await greedyTokens(name, model, runner, 100, { tokens: state.greedy24_after100, margins: state.margins_after100 }));
    if (isFull) await runner.feed(tokens100, 0); // the state is that after the greedy tokens
    const wanted = hasFixture(`tiny/${name}.C8.f32`) ? floatsFixture(`tiny/${name}.C8.f32`) : new Float32Array();
    if (wanted.length) expect(continue8).toHaveLength(8);
    for (const [i, token] of continue8.entries()) {
      await runner.feed([token], 100 + i);
      compare('after 100, one by one', await runner.readLogits(), wanted.subarray(i * vocab, (i + 1) * vocab));
    }
    await moved(model, tokens100, async (sequence, how) => {
      const on = runner.of(sequence);
      await on.feed(tokens100.slice(sequence.tokens.length), sequence.tokens.length);
      compare(how, await on.readLogits(), after100);
    });
    await model.destroy();
    const tokens = made.flatMap(({ found }) => found).length;
    record({ point: `${name}: largest error of the logits in f32, however its tokens are fed, equal greedy tokens`, command, value: { ...worst, tokens } });
    expect(tokens).toBeGreaterThan(3);
    for (const { found, golden: wanted } of made) expect(found).toEqual(wanted);
    console.log(name, worst);
    expect(Object.keys(worst).length).toBeGreaterThan(7);
    expect(Math.max(...Object.values(worst))).toBeLessThan(1e-3);
  });

  it.skipIf(!isFull).each(['tiny-qwen35', 'tiny-granitehybrid', 'tiny-rwkv7'])('%s gives the golden logits by kernels for few registers', async (name) => {
    const { tokens24, tokens100 } = jsonFixture<Tokens>(`tiny/${name}.json`);
    const model = await openFixture(gpu!, `tiny/${name}.gguf`, { choice: { ...testChoice, registers: 64 } }, kernels);
    const runner = createRunner(model);
    const after = async (tokens: number[], feeds: number[][], wanted: Float32Array) => {
      for (const [from, end] of feeds) await runner.feed(tokens.slice(from, end), from);
      return (await runner.readLogits()).reduce((worst, value, i) => Math.max(worst, Number.isNaN(value) ? Infinity : Math.abs(value - wanted[i])), 0);
    };
    const singly = tokens24.map((_, i) => [i, i + 1]);
    const worst = [
      await after(tokens24, singly, goldenLogits(name).slice(-model.graph.config.vocab)),
      await after(tokens100, [[0, 100]], floatsFixture(`tiny/${name}.L100.f32`)),
    ];
    console.log(name, worst);
    expect(Math.max(...worst)).toBeLessThan(1e-3);
    await model.destroy();
  });

  const inHalf = gpu?.device.features.has('shader-f16') && isFull ? recurrentFamilies.map(({ name }) => name) : [];
  it.each(inHalf)('%s in f16 stays within its bound', async (name) => {
    const worst = await errorInHalf(gpu!, name, kernels);
    record({ point: `${name}: largest error of the logits in f16 (bound ${f16Bounds.get(name)})`, command, value: worst });
    console.log(name, 'f16', worst);
    expect(worst).toBeLessThan(f16Bounds.get(name)!);
  });

  it('sequences of one step keep their states apart, and an answer that was cut off is gone on from as if it were new', async () => {
    const { tokens100 } = jsonFixture<Tokens>('tiny/tiny-granitehybrid.json');
    const model = await openFixture(gpu!, 'tiny/tiny-granitehybrid.gguf', { logitsRows: 8 }, kernels);
    const runner = createRunner(model);
    const prompts = [tokens100.slice(0, 40), tokens100.slice(3, 4), tokens100.slice(50, 83)];
    const greedy = async (sequence: Sequence, ids: number[], most: number) => {
      const made: number[] = [];
      const on = runner.of(sequence);
      await on.feed(ids.slice(sequence.tokens.length), sequence.tokens.length);
      for await (const tokens of on.tokens(await model.samplerFor({ seed: 0 }), ids.length, most)) made.push(...tokens.map(({ id }) => id));
      return made;
    };
    const alone: number[][] = [];
    for (const prompt of prompts) {
      const sequence = model.createSequence();
      alone.push(await greedy(sequence, prompt, 6));
      // Steps ran beyond what is noted of it: the same again, and one token less.
      sequence.truncate(prompt.length - 1);
      expect(await greedy(sequence, prompt, 6)).toEqual(alone.at(-1));
      sequence.close();
    }
    const sequences = prompts.map(() => model.createSequence());
    const answering = [];
    for (const [i, sequence] of sequences.entries()) {
      const sampler = await model.samplerFor({ seed: 0 });
      await runner.of(sequence).feed(prompts[i], 0);
      const first = await runner.of(sequence).sample(sampler, prompts[i].length);
      answering.push({ sequence, sampler, length: prompts[i].length + 1, made: [first.id] });
    }
    while (answering[0].made.length < 6) {
      const { count, tokens } = await runner.decode(answering, 6 - answering[0].made.length);
      for (const [i, each] of answering.entries()) {
        each.made.push(...(await tokens[i]).map(({ id }) => id));
        each.length += count;
      }
    }
    expect(answering.map(({ made }) => made)).toEqual(alone);
    sequences.forEach((sequence) => sequence.close());
    await model.destroy();
  });

  it('a conversation goes on from its state, also where its answer was broken off', async () => {
    const { tokens100 } = jsonFixture<Tokens>('tiny/tiny-lfm2.json');
    const options = { ...quick, kernels: `${quick.kernels},chunk=64`, context: 256 };
    const [engine, other] = [openEngine(), openEngine()];
    for (const each of [engine, other]) await each.load(bytesOf('tiny/tiny-lfm2.gguf'), options);
    const fresh = async (tokens: number[]) => (await answer(other, { prompt: { tokens }, maxTokens: 8 })).ids;
    const first = await answer(engine, { prompt: { tokens: tokens100.slice(0, 40) }, maxTokens: 8 });
    const second = [...tokens100.slice(0, 40), ...first.ids, ...tokens100.slice(40, 50)];
    const ended = await answer(engine, { prompt: { tokens: second }, maxTokens: 8 });
    expect(ended.stats.cachedTokens).toBe(47); // but for the last one, which was not run
    const stop = new AbortController();
    const third = [...second, ...ended.ids, ...tokens100.slice(50, 60)];
    const broken = await answer(engine, { prompt: { tokens: third }, maxTokens: 60 }, stop.signal, (count) => count >= 5 && stop.abort());
    expect(broken.reason).toBe('abort');
    const fourth = [...third, ...broken.ids.slice(0, 3), ...tokens100.slice(60, 70)];
    const last = await answer(engine, { prompt: { tokens: fourth }, maxTokens: 8 });
    expect(last.stats.cachedTokens).toBe(third.length); // the copy after its prompt
    expect(await fresh(tokens100.slice(0, 40))).toEqual(first.ids);
    expect(await fresh(second)).toEqual(ended.ids);
    expect(await fresh(fourth)).toEqual(last.ids);
    for (const each of [engine, other]) await each.unload();
  });
});

/** Sequences that have run some of the tokens in all the ways in which a state comes to be elsewhere, or earlier. */
async function moved(model: LoadedModel, tokens: number[], next: (sequence: Sequence, how: string) => Promise<void>): Promise<void> {
  const runner = createRunner(model);
  const fed = async (...counts: number[]) => {
    const sequence = model.createSequence();
    let position = 0;
    for (const count of counts) await runner.of(sequence).feed(tokens.slice(position, (position += count)), position - count);
    return sequence;
  };
  const first = await fed(37);
  const { ledger, graph: { config: { vocab } } } = model;
  const left = ledger.budgetBytes - Object.values(ledger.bytes).reduce((a, b) => a + b, 0);
  const giveBack = ledger.reserve('staging', left - 4 * vocab); // a budget with room for a row of logits, as plans have it, and no more
  const saved = await first.save('model').finally(giveBack);
  const copy = await first.fork();
  await next(first, '37 and 63');
  const restored = model.createSequence();
  await restored.restore(saved, 'model');
  expect(restored.tokens).toEqual(tokens.slice(0, 37));
  await next(restored, 'saved after 37');
  await next(copy, 'forked after 37');
  const earlier = await first.fork(90);
  expect(earlier.tokens.length).toBe(37);
  await next(earlier, 'forked at 90 of 100, which goes back to 37');
  expect(first.truncate(50)).toBe(37);
  await next(first, 'cut at 50, which goes back to 37');
  expect(first.truncate(20)).toBe(0);
  await next(first, 'cut at 20, which goes back to the beginning');
  await runner.of(first).feed(tokens.slice(60), 60); // the tokens before are run again
  await runner.of(first).feed(tokens.slice(99), 99);
  expect(first.truncate(99)).toBeGreaterThan(0);
  await next(first, 'fed again');
  for (const sequence of [first, copy, restored, earlier]) sequence.close();
}
