// Keys and values at home in worker memory to which the processor attends for each token (`scout`): logits of a run with all of them on the GPU, and bytes that
// cross for a token which do not grow with the text.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeModel } from '../../../scripts/fixtures/make-model.mjs';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createAnswer } from '../../../src/engine/run/answer/answers.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { runningOf } from '../../../src/engine/run/session.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { type KeptAnswered, type Token } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { openBytes, openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

const command = `${isFull ? 'WINDROW_FULL=1 ' : ''}npx vitest run --project gpu test/gpu/model/kv-answered-gpu.test.ts`;
const folder = mkdtempSync(join(tmpdir(), 'windrow-answered-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sizes = { layers: isFull ? 3 : 2, heads: 4, kvHeads: 2, headDim: 18 };
/** Tokens of the prompt, and with those behind it that are run one by one; pages of a head at home then, but for a window of 16; far later. */
const { prompt, length, pages, later } = isFull ? { prompt: 300, length: 345, pages: 10, later: 980 } : { prompt: 100, length: 117, pages: 3, later: 200 };
const window = 16;

async function bytesOfModel(): Promise<Uint8Array<ArrayBuffer>> {
  const out = join(folder, 'model.gguf');
  await makeModel({ ...sizes, dim: 32, ff: 32, vocab: 512, context: 2048, type: 'F32', embeddingType: 'F32', out });
  return Uint8Array.from(readFileSync(out));
}

interface Given {
  kv: string;
  sequences?: number;
  /** Of a policy; none: all keys and values are on the GPU, as they are. */
  policy?: { name: string; options?: Record<string, number>; budgetBytes?: number };
}

const open = async (bytes: Uint8Array<ArrayBuffer>, { kv, policy, sequences }: Given): Promise<LoadedModel> =>
  openBytes(await sharedGpu(), bytes, {
    choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 1024, kv: kvFormat(kv), policy, ...(sequences && { sequences, logitsRows: sequences }),
  });

const tokens = Array.from({ length: 1024 }, (_, i) => (3 + i * 31 + Math.floor(i / 97) * 5) % 512);

/** Logits of the prompt's last token and of each behind it; creations of the last of those. */
async function run(model: LoadedModel): Promise<{ logits: Float32Array[]; creations: number }> {
  const runner = createRunner(model);
  await runner.feed(tokens.slice(0, prompt), 0);
  const logits = [await runner.readLogits()];
  let creations = 0;
  for (let at = prompt; at < length; at++) {
    const calls = countCalls();
    await runner.feed([tokens[at]], at, undefined, true);
    if (at >= length - 10) creations += calls.read().creations;
    else calls.read();
    logits.push(await runner.readLogits());
  }
  return { logits, creations };
}

/** Logits of the last token of prompts that hardly leave the window, and of some tokens behind each, over a tick; the sequence is emptied before each. */
async function runShort(model: LoadedModel): Promise<Float32Array[]> {
  const runner = createRunner(model);
  const logits: Float32Array[] = [];
  for (const [i, count] of [1, 20, 40, 60].entries()) {
    const text = tokens.slice(100 * i, 100 * i + count + 12);
    model.sequence.truncate(0);
    await runner.feed(text.slice(0, count), 0);
    for (let at = count; at < text.length; at++) {
      await runner.feed([text[at]], at, undefined, true);
      if (at % 4 === 0) logits.push(await runner.readLogits());
    }
  }
  return logits;
}

const furthest = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  Math.max(...a.map((logits, i) => logits.reduce((most, logit, n) => Math.max(most, Math.abs(logit - b[i][n])), 0)));

/** Bytes that crossed for a token while some were run. */
async function crossedFor(model: LoadedModel, from: number, to: number): Promise<number> {
  const before = { ...answered(model) };
  const runner = createRunner(model);
  for (let at = from; at < to; at++) await runner.feed([tokens[at]], at, undefined, true);
  return (answered(model).crossedBytes - before.crossedBytes) / (to - from);
}

const answered = ({ sequence }: LoadedModel): KeptAnswered => sequence.shaped!.away!.answers!.counters;

describe.skipIf(!adapterFile || !isFull).each<Record<string, number>>([{ lag: 0 }, { lag: 1 }, { ahead: 1 }])('two sequences in one step, %o', (how) => {
  it('give the tokens and probabilities that each gives alone, over ticks', async () => {
    const model = await open(await bytesOfModel(), { kv: 'f32', policy: { name: 'scout', options: { window, interval: 8, ...how } } });
    const runner = createRunner(model);
    const prompts = [tokens.slice(0, 130), tokens.slice(400, 475)];
    const make = async (given: readonly number[][]): Promise<Token[][]> => {
      const sequences = given.map(() => model.createSequence());
      const samplers = await Promise.all(given.map(() => model.samplerFor({ seed: 0, temperature: 0, logprobs: 1 })));
      const made: Token[][] = [];
      for (const [i, sequence] of sequences.entries()) {
        await runner.of(sequence).feed(given[i], 0);
        made.push([await runner.of(sequence).sample(samplers[i], given[i].length)]);
      }
      for (let n = 1; n < 20; n++) {
        const answering = sequences.map((sequence, i) => ({ sequence, sampler: samplers[i], length: given[i].length + n }));
        const { tokens: each } = await runner.decode(answering, 1);
        for (const [i, token] of each.entries()) made[i].push(...await token);
      }
      sequences.forEach((sequence) => sequence.close());
      return made;
    };
    const expected = [...await make([prompts[0]]), ...await make([prompts[1]])];
    const found = await make(prompts);
    expect(found.map((made) => made.map(({ id }) => id))).toEqual(expected.map((made) => made.map(({ id }) => id)));
    found.forEach((made, i) => made.forEach(({ logprob }, n) => expect(logprob).toBeCloseTo(expected[i][n].logprob!, 3)));
    expect(new Set(found.flat().map(({ logprob }) => logprob)).size).toBeGreaterThan(10);
    await model.destroy();
  });
});

/** Whose goldens scripts/fixtures/scout-goldens.py has. */
describe.skipIf(!adapterFile || !isFull).each(['tiny-llama-f16', 'tiny-qwen3'])('the processor attends by another query than the layer\'s, %s', (name) => {
  it.each([
    ['of the token before', 'scout', { lag: 1 }],
    ['of the layer before', 'ahead', { ahead: 1 }],
  ])('%s, and gives the logits of its golden, over ticks', async (what, file, how) => {
    const { tokens: given, prompt: first, steps, vocab } = jsonFixture<{ tokens: number[]; prompt: number; steps: number[]; vocab: number }>(`kv/${name}.json`);
    const golden = floatsFixture(`kv/${name}.${file}.f32`);
    const full = floatsFixture(`kv/${name}.logits.f32`);
    const model = await openFixture(await sharedGpu(), `tiny/${name}.gguf`, {
      choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy: { name: 'scout', options: { window: 16, interval: 16, ...how } },
    });
    const runner = createRunner(model);
    await runner.feed(given.slice(0, first), 0);
    let [most, changed] = [0, 0];
    for (let at = first; at < given.length; at++) {
      await runner.feed([given[at]], at, undefined, true);
      const step = steps.indexOf(at - first);
      if (step < 0) continue;
      (await runner.readLogits()).forEach((logit, i) => {
        most = Math.max(most, Math.abs(logit - golden[step * vocab + i]));
        changed = Math.max(changed, Math.abs(logit - full[step * vocab + i]));
      });
    }
    record({
      point: `Attention of the processor by a query ${what} (scout), ${name}, to a float64 golden`, command,
      value: { 'largest difference': most.toPrecision(2), 'to all keys with their own query': changed.toPrecision(2) },
    });
    expect(most).toBeLessThan(1e-3);
    expect(changed).toBeGreaterThan(0.1);
    await model.destroy();
  });
});

describe.skipIf(!adapterFile || !isFull)('the processor attends a layer ahead', () => {
  it('with no token creating anything, and what crosses for one as by its own query', async () => {
    const bytes = await bytesOfModel();
    const crossed: number[] = [];
    for (const ahead of [0, 1]) {
      const model = await open(bytes, { kv: 'f32', policy: { name: 'scout', options: { window, interval: 8, ahead } } });
      const { creations } = await run(model);
      expect(creations).toBe(0);
      const { ledger, plan, sequence } = model;
      expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
      expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
      expect(sequence.shaped!.away!.counters.homeBytes).toBeLessThanOrEqual(sequence.shaped!.shape.away.home);
      const { answers, crossedBytes } = answered(model);
      expect(answers).toBe((length - prompt) * sizes.layers);
      crossed.push(crossedBytes);
      const copy = await sequence.fork();
      const runner = createRunner(model);
      await runner.of(copy).feed([tokens[length]], length, undefined, true);
      const copied = await runner.readLogits();
      copy.close();
      await runner.feed([tokens[length]], length, undefined, true);
      expect(copied).toEqual(await runner.readLogits());
      await model.destroy();
    }
    expect(crossed[1]).toBe(crossed[0]);
  });
});

/** Logits of single tokens for which there is no answer by the query of the token before, and then of one for which there is. */
async function runCut(model: LoadedModel): Promise<{ alone: Float32Array[]; late: Float32Array }> {
  const runner = createRunner(model);
  const { sequence } = model;
  const next = async (of: LoadedModel['sequence'], at: number): Promise<Float32Array> => {
    await runner.of(of).feed([tokens[at + 1]], at, undefined, true); // another than in the text
    return runner.readLogits();
  };
  await runner.feed(tokens.slice(0, prompt), 0);
  for (let at = prompt; at < prompt + 5; at++) await next(sequence, at);
  const copy = await sequence.fork(prompt);
  const alone = [await next(copy, prompt)];
  copy.close();
  expect(sequence.truncate(prompt), 'within the window').toBe(prompt);
  alone.push(await next(sequence, prompt));
  expect(sequence.truncate(200), 'far back').toBe(192);
  alone.push(await next(sequence, 192));
  return { alone, late: await next(sequence, 193) };
}

describe.skipIf(!adapterFile || !isFull)('a token behind a cut, and of a copy that was cut, with lag=1', () => {
  it('is answered by its own query, as with lag=0, and the one behind it late', async () => {
    const found = [];
    for (const lag of [0, 1]) {
      const model = await open(await bytesOfModel(), { kv: 'f32', policy: { name: 'scout', options: { window, interval: 8, lag } } });
      found.push(await runCut(model));
      await model.destroy();
    }
    const [exact, late] = found;
    const most = furthest(exact.alone, late.alone);
    record({
      point: 'Single tokens behind cuts and of a cut copy (scout, lag=1), logits to those with lag=0; of the token behind', command,
      value: { 'largest difference': most.toPrecision(2), 'of the one behind': furthest([exact.late], [late.late]).toPrecision(2) },
    });
    expect(most).toBeLessThan(1e-4);
    expect(furthest([exact.late], [late.late])).toBeGreaterThan(1e-3);
  });
});

describe.skipIf(!adapterFile)('the processor attends to what an index finds', () => {
  it('with the logits of all keys where it may find them all, and products of as few as it is told otherwise', async () => {
    const bytes = await bytesOfModel();
    const on = await open(bytes, { kv: 'f32' });
    const expected = await run(on);
    const short = isFull ? await runShort(on) : [];
    await on.destroy();
    const all = await open(bytes, { kv: 'f32', policy: { name: 'retrieval', options: { window, interval: 8, least: 32, share: 1 } } });
    const found = await run(all);
    const most = furthest(expected.logits, found.logits);
    const { away, shape } = all.sequence.shaped!;
    expect(most).toBeLessThan(1e-3);
    expect(found.creations).toBe(0);
    expect(answered(all).scored).toBe(answered(all).slots);
    expect(answered(all).index!.keys).toBe(sizes.layers * sizes.kvHeads * (pages * 32 - 4)); // those of the last tick too
    expect(away!.counters.homeBytes + answered(all).index!.bytes).toBeLessThanOrEqual(shape.away.home);
    expect(all.ledger.bytes.kv).toBeLessThanOrEqual(all.plan.bytes.kv);
    await expectSecondPrompt(all);
    if (isFull) expect(furthest(short, await runShort(all))).toBeLessThan(1e-3);
    await all.destroy();

    const few = await open(bytes, { kv: 'f32', policy: { name: 'retrieval', options: { window, interval: 8, least: 32, share: 0.1 } } });
    const other = await run(few);
    const { slots, scored } = answered(few);
    record({
      point: 'Attention of the processor to what an index finds (retrieval): logits where it finds all keys; share of them that a query is multiplied with',
      command, value: { 'largest difference': most.toPrecision(2), 'told 0.1': (scored / slots).toFixed(3) },
    });
    expect(scored).toBeLessThanOrEqual(0.1 * slots);
    expect(scored).toBeGreaterThan(0.08 * slots);
    expect(furthest(expected.logits.slice(1), other.logits.slice(1)), 'what is left out is missed').toBeGreaterThan(1e-3);
    await few.destroy();
  });

  /** What is cut and read again is found as before. */
  async function expectSecondPrompt(model: LoadedModel): Promise<void> {
    const runner = createRunner(model);
    const next = async (): Promise<Float32Array> => {
      await runner.feed([tokens[length + 40]], length + 40, undefined, true);
      return runner.readLogits();
    };
    await runner.feed(tokens.slice(length, length + 40), length);
    const own = await next();
    const reached = model.sequence.truncate(50);
    expect(reached).toBe(32);
    await runner.feed(tokens.slice(reached, length + 40), reached);
    expect(furthest([own], [await next()])).toBeLessThan(1e-3);
  }
});

describe.skipIf(!adapterFile).each(isFull ? ['f32', 'f16', 'q8'] : ['f32'])('the processor attends to pages of %s in worker memory', (kv) => {
  it('and gives the logits of all pages on the GPU, over ticks, a fork and a cut, with bytes for a token that do not grow', async () => {
    const bytes = await bytesOfModel();
    const on = await open(bytes, { kv });
    const expected = await run(on);
    const short = await runShort(on);
    await on.destroy();
    const model = await open(bytes, { kv, policy: { name: 'scout', options: { window, interval: 8 } } });
    const found = await run(model);
    const most = furthest(expected.logits, found.logits);
    const { ledger, plan, sequence } = model;
    const { away, shape } = sequence.shaped!;
    // Of each layer: a query of each head, and of each sums, a maximum and a total, in whole fours.
    const each = sizes.layers * sizes.heads * 4 * (20 + 20 + 4);
    expect(most).toBeLessThan(1e-3);
    expect(found.creations).toBe(0);
    const decoded = length - prompt;
    const { slots, scored } = answered(model);
    expect(answered(model)).toEqual({ answers: decoded * sizes.layers, crossedBytes: decoded * each, slots, scored });
    expect(slots).toBeGreaterThanOrEqual(decoded * sizes.layers * sizes.heads * ((pages - 2) * 32 - 4));
    expect(scored).toBe(slots);
    expect(away!.counters.homeBytes).toBe(pages * sizes.layers * sizes.kvHeads * 4 * shape.format.words(sizes.headDim));
    expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    if (isFull) await expectCopies(model);
    await createRunner(model).feed(tokens.slice(length, later), length);
    const crossed = await crossedFor(model, later, later + 20);
    record({
      point: `Attention of the processor to pages in worker memory (scout, ${kv}), logits to all pages on the GPU; bytes that cross for a token`,
      command, value: { 'largest difference': most.toPrecision(2), [`bytes, at ${prompt} tokens`]: each, [`at ${later}`]: crossed },
    });
    expect(crossed).toBe(each);
    expect(furthest(short, await runShort(model)), 'short conversations').toBeLessThan(1e-3);
    await model.destroy();
  });

  /** A copy goes on as the sequence does; what is cut and fed again has the logits that it had. */
  async function expectCopies(model: LoadedModel): Promise<void> {
    const runner = createRunner(model);
    const copy = await model.sequence.fork();
    await runner.of(copy).feed([tokens[length]], length, undefined, true);
    const copied = await runner.readLogits();
    copy.close();
    await runner.feed([tokens[length]], length, undefined, true);
    const own = await runner.readLogits();
    expect(copied).toEqual(own);
    const reached = model.sequence.truncate(200);
    expect(reached).toBe(192);
    for (let at = reached; at < 200; at++) await runner.feed([tokens[at]], at, undefined, true);
    await runner.feed(tokens.slice(200, length), 200);
    await runner.feed([tokens[length]], length, undefined, true);
    expect(furthest([own], [await runner.readLogits()])).toBeLessThan(1e-3);
  }
});

/** Greedy tokens with their likelihoods of texts that are answered at once, as the scheduler has them. */
async function answerAtOnce(model: LoadedModel, texts: readonly number[][], most: number): Promise<Token[][]> {
  const { scheduler, sequences } = runningOf(model);
  const made = texts.map((): Token[] => []);
  const answers = await Promise.all(texts.map(async (text, i) => createAnswer({
    tokens: text.slice(), sampler: await model.samplerFor({ seed: 0, logprobs: 0 }), most: text.length + most, onFeed() {},
    onToken: (token) => made[i].push(token) > 0,
  })));
  await Promise.all(answers.map((answer) => scheduler.run(answer)));
  expect(sequences.live).toHaveLength(texts.length);
  sequences.closeAll();
  return made;
}

describe.skipIf(!adapterFile).each(isFull ? ['scout', 'retrieval'] : ['scout'])('two conversations at once under %s', (name) => {
  it('give each what it gives alone, and so do texts of one token that are embedded in one step', async () => {
    const options = { window, interval: 8, ...(name === 'retrieval' && { least: 32, share: 1 }) };
    const model = await open(await bytesOfModel(), { kv: 'f32', sequences: 2, policy: { name, options } });
    const texts = [tokens.slice(0, 100), tokens.slice(300, 350)];
    const alone: Token[][] = [];
    for (const text of texts) alone.push(...await answerAtOnce(model, [text], 12));
    const together = await answerAtOnce(model, texts, 12);
    expect(together.map((made) => made.map(({ id }) => id))).toEqual(alone.map((made) => made.map(({ id }) => id)));
    together.forEach((made, i) => made.forEach(({ logprob }, n) => expect(logprob).toBeCloseTo(alone[i][n].logprob!, 3)));
    const runner = createRunner(model);
    const prompts = [model.sequence, model.createSequence()].map((sequence, i) => ({ sequence, ids: [tokens[i]], position: 0 }));
    const run = async (given: typeof prompts): Promise<Float32Array[]> => {
      given.forEach(({ sequence }) => sequence.truncate(0));
      return runner.feedTogether(given);
    };
    const embedded = [...await run(prompts.slice(0, 1)), ...await run(prompts.slice(1))].map((rows) => rows.slice());
    expect(embedded.map(({ length: count }) => count)).toEqual([32, 32]);
    expect(furthest(embedded, await run(prompts))).toBeLessThan(1e-4);
    prompts[1].sequence.close();
    await model.destroy();
  });
});
