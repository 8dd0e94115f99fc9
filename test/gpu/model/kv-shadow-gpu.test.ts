// Conversations under keys in low rank (`shadowkv`) that branch: copies, and texts that are cut within the prompt and within the answer, go on as
// conversations that never had the branch.
import { describe, expect, it } from 'vitest';
import { createAnswer } from '../../../src/engine/run/answer/answers.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { runningOf } from '../../../src/engine/run/session.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { type Sequence } from '../../../src/kv/sequence.ts';
import { type Token } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

const tokens = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => (i * step + ((i * i) % 13)) % 256);

/** Of 128 directions; an answer has a tick after each 8 tokens. */
const low = { share: 0.5, sinks: 4, window: 16, interval: 8, size: 8, rank: 24 };

/** Behind 256 slots nothing is left out, all is read, and half of the runs is an outlier. */
const whole = { ...low, slots: 512, rank: 128, outliers: 0.5 };

const open = async (options: Record<string, number>, name = 'shadowkv'): Promise<LoadedModel> => openFixture(await sharedGpu(), 'tiny/tiny-llama-f16.gguf', {
  choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy: { name, options },
});

/** What is done with a sequence: a prompt that goes on from a position, or tokens of an answer one by one, of which some logits are given. */
type Turn = { from: number; prompt: number[] } | { from: number; answer: number[] };

async function run(model: LoadedModel, sequence: Sequence, turns: readonly Turn[]): Promise<Float32Array[]> {
  const runner = createRunner(model).of(sequence);
  const logits: Float32Array[] = [];
  for (const turn of turns) {
    if ('prompt' in turn) {
      await runner.feed(turn.prompt, turn.from);
      logits.push(await runner.readLogits());
      continue;
    }
    for (const [i, token] of turn.answer.entries()) {
      await runner.feed([token], turn.from + i, undefined, true);
      if (i % 5 === 4) logits.push(await runner.readLogits());
    }
  }
  return logits;
}

const furthest = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  a.length !== b.length ? Infinity : Math.max(...a.map((logits, i) => logits.reduce((most, logit, n) => Math.max(most, Math.abs(logit - b[i][n])), 0)));

const prompt = { from: 0, prompt: tokens(150, 37) };
const answer = (step: number, count = 30, from = 150): Turn => ({ from, answer: tokens(count, step) });

/** What goes on behind a cut: another question and its answer. */
const another = (from: number): Turn[] => [{ from, prompt: tokens(6, 29) }, answer(17, 30, from + 6)];

/** Logits of a sequence of its own. */
async function alone(model: LoadedModel, turns: readonly Turn[]): Promise<Float32Array[]> {
  const own = model.createSequence();
  const logits = await run(model, own, turns);
  own.close();
  return logits;
}

/** Logits that two runs of a turn give; those of the turns before are left out. */
const last = (logits: readonly Float32Array[], turns: readonly Turn[]): Float32Array[] =>
  logits.slice(-turns.reduce((sum, turn) => sum + ('prompt' in turn ? 1 : Math.floor(turn.answer.length / 5)), 0));

/** The first tokens of a text's answer, as requests have them. */
async function answerTo(model: LoadedModel, text: readonly number[]): Promise<Token[]> {
  const made: Token[] = [];
  const sampler = await model.samplerFor({ seed: 0, logprobs: 0 });
  const answer = createAnswer({ tokens: text.slice(), sampler, most: text.length + 4, onFeed() {}, onToken: (token) => made.push(token) > 0 });
  await runningOf(model).scheduler.run(answer);
  return made;
}

describe.skipIf(!adapterFile || !isFull).each(['quest', 'shadowkv'])('an answer made anew under %s with pages away', (name) => {
  it('is that which was made before, whatever the last one chose to read', async () => {
    const { rank, ...others } = low;
    const model = await open({ ...others, ...(name === 'shadowkv' && { rank }), slots: 64, away: 1 }, name);
    const first = await answerTo(model, prompt.prompt);
    const again = await answerTo(model, prompt.prompt);
    runningOf(model).sequences.closeAll();
    expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
    again.forEach(({ logprob }, i) => expect(logprob).toBeCloseTo(first[i].logprob!, 4));
    await model.destroy();
  });
});

describe.skipIf(!adapterFile || !isFull).each([0, 1])('keys in low rank, away=%d', (away) => {
  it('a copy behind a prompt and the conversation itself go on apart, each as if it were alone', async () => {
    const model = await open({ ...low, away });
    const { sequence } = model;
    await run(model, sequence, [prompt]);
    const copy = await sequence.fork();
    expect(sequence.shaped!.layers.every(({ sets: [set] }) => set.isLow)).toBe(true);
    const found: Float32Array[][] = [[], []];
    const answers = [tokens(30, 11), tokens(30, 5)];
    for (let at = 0; at < 30; at += 5) { // in turns, over ticks of both
      for (const [i, of] of [sequence, copy].entries()) found[i].push(...await run(model, of, [{ from: 150 + at, answer: answers[i].slice(at, at + 5) }]));
    }
    copy.close();
    for (const [i, own] of answers.entries()) expect(furthest(found[i], (await alone(model, [prompt, { from: 150, answer: own }])).slice(1))).toBe(0);
    await model.destroy();
  });

  it('what is cut within the answer goes on with another question as if that were the first', async () => {
    const model = await open({ ...low, away });
    // Ticks after 8 and 16 tokens: what they sealed is there in both.
    const found = await run(model, model.sequence, [prompt, answer(11, 21), ...another(168)]);
    const expected = await alone(model, [prompt, answer(11, 18), ...another(168)]);
    expect(furthest(last(found, another(0)), last(expected, another(0)))).toBe(0);
    const copy = await model.sequence.fork(160 + 38); // of the answer to that
    const copied = await run(model, copy, another(198));
    copy.close();
    const longer = await alone(model, [prompt, answer(11, 18), another(168)[0], answer(17, 24, 174), ...another(198)]);
    expect(furthest(copied, last(longer, another(0)))).toBe(0);
    await model.destroy();
  });

  it.each([
    ['of which enough is left to be decomposed', 100],
    ['of which too little is left', 40],
  ])('what is cut within the prompt, %s, goes on as if no more had been there, and a copy so too', async (_, length) => {
    const model = await open({ ...low, away });
    const { sequence } = model;
    const text = [...prompt.prompt.slice(0, length), ...tokens(20, 29)];
    const from = (at: number): Turn[] => [{ from: at, prompt: text.slice(at) }, answer(17, 30, text.length)];
    const expected = await alone(model, from(0));
    await run(model, sequence, [{ from: 0, prompt: tokens(300, 19) }]); // whose outliers are others
    sequence.truncate(0);
    await run(model, sequence, [prompt, answer(11)]);
    const copy = await sequence.fork(length);
    const copied = await run(model, copy, from(copy.tokens.length));
    copy.close();
    const found = await run(model, sequence, from(length)); // what lies between there and where it is cut is run again
    const most = Math.max(furthest(found, expected), furthest(copied, expected));
    record({
      point: `Keys in low rank (shadowkv, away=${away}), cut to ${length} of 150 tokens of a prompt, to a conversation of no more`,
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/model/kv-shadow-gpu.test.ts', value: { 'largest difference': most.toPrecision(2) },
    });
    expect(most).toBeLessThan(1e-3);
    await model.destroy();
  });

  it('what is cut behind a tick of the answer goes on as if that had not been, where nothing is left out', async () => {
    const model = await open({ ...whole, away });
    const long: Turn = { from: 0, prompt: tokens(300, 19) };
    const found = await run(model, model.sequence, [long, answer(11, 21, 300), ...another(306)]);
    const expected = await alone(model, [long, answer(11, 6, 300), ...another(306)]);
    expect(furthest(last(found, another(0)), last(expected, another(0)))).toBeLessThan(1e-3);
    await model.destroy();
  });
});
