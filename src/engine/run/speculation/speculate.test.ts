// Guesses among steps of a made-up model on a made-up clock: what is counted of them, what is looked up, who guesses, and what they may lose.
import { expect, it } from 'vitest';
import { type Sequence } from '../../../kv/sequence.ts';
import { type Sampler } from '../../../model/sampling/sampler.ts';
import { type Token } from '../../../protocol.ts';
import { mulberry32 } from '../../../random.ts';
import { type Answer, createAnswer } from '../answer/answers.ts';
import { type Runner } from '../runner.ts';
import { type Steps, createScheduler } from '../schedule/scheduler.ts';
import { countRight } from './verify.ts';
import { draftOfModel } from './drafts/of-model.ts';
import { type MakeDrafter, speculate } from './speculate.ts';

const stepMs = 10;
const promptTokenMs = 1;
/** From the end of a step until the CPU has submitted another one. */
const hostMs = 5;

interface MadeUp {
  ends?: readonly number[];
  /** What checks guesses takes so much longer when it first runs, but for before any answer. */
  firstMs?: number;
  /** How much steps vary. */
  jitter?: number;
  seed?: number;
}

/** Says `text` whatever it is asked; a step takes `stepMs`, and what is read is read when it is there. */
function madeUp(text: readonly number[], { ends = [], firstMs = 0, jitter = 0, seed = 0 }: MadeUp = {}) {
  const random = mulberry32(seed);
  let [now, busyUntil] = [0, 0];
  let passes = 0;
  let isWarm = false;
  const run = () => {
    passes++;
    return (busyUntil = Math.max(now, busyUntil) + stepMs * (jitter ? Math.exp(jitter * (random() + random() + random() - 1.5)) : 1));
  };
  const readAt = (done: number, tokens: Token[]) => ({
    then(give: (tokens: Token[]) => void) {
      now = Math.max(now, done) + hostMs;
      give(tokens);
    },
    catch() {},
  }) as unknown as Promise<Token[]>;
  const steps: Steps<Answer, Token> = {
    mostTogether: 1,
    admit: async () => true,
    hasRoom: () => true,
    release() {},
    async prefill(answer) {
      if (answer.tokensLeft < 1) return [];
      now += answer.promptLeft * promptTokenMs;
      answer.length = answer.tokens.length + 1;
      return [{ id: text[answer.tokens.length] }];
    },
    async decode([answer]) {
      const id = text[answer.length++];
      return { count: 1, tokens: [readAt(run(), [{ id }])] };
    },
    readsBehind: () => true,
  };
  const runner = {
    mostTogether: 8,
    warm: async () => void (isWarm = true),
    async verify({ length }: { length: number }, guesses: readonly number[]) {
      const chosen = text.slice(length, length + guesses.length + 1);
      const end = chosen.findIndex((id) => ends.includes(id));
      const known = end < 0 ? chosen : chosen.slice(0, end + 1);
      now = Math.max(now, run()) + hostMs + (isWarm ? 0 : firstMs);
      isWarm = true;
      return known.slice(0, countRight(guesses, known) + 1).map((id) => ({ id }));
    },
  } as unknown as Runner;
  return { steps, runner, now: () => now, passes: () => passes, spend: (ms: number) => void (now += ms) };
}

interface Told {
  tokens: number[];
  guesses: number;
  right: number;
  notices: string[];
}

interface Play {
  all?: boolean;
  guess?: boolean;
  isLost?: () => Promise<boolean>;
  lookup?: boolean;
  models?: MakeDrafter[];
  until?: (token: Token) => boolean;
}

/** Runs answers one after the other; `until` says of a token whether it goes on. */
async function play(
  model: ReturnType<typeof madeUp>,
  prompts: readonly number[][],
  most: number,
  { guess = true, until = () => true, ...how }: Play = {},
): Promise<Told[]> {
  const guessing = speculate(model.steps, model.runner, { rowBytes: 1, now: model.now, ...how });
  if (guess) await guessing.ready();
  const steps = guess ? guessing : model.steps;
  const scheduler = createScheduler<Token, Answer>(steps, { now: model.now });
  const told: Told[] = [];
  for (const prompt of prompts) {
    const tokens = [...prompt];
    const one: Told = { tokens, guesses: 0, right: 0, notices: [] };
    await scheduler.run(createAnswer({
      tokens, most, sampler: { ahead: true } as Answer['sampler'], onFeed() {}, onToken: until,
      onGuesses(guesses, right) {
        one.guesses += guesses;
        one.right += right;
      },
      onNotice: (notice) => void one.notices.push(notice),
    }));
    told.push(one);
  }
  return told;
}

it('loses next to nothing by reading first what is under way, where that refutes the guess', async () => {
  expect(await shareOf(threeAgain(4000))).toBeLessThan(1.02);
});

/** Three tokens that come again, three that are new, and so on. */
const threeAgain = (length: number): number[] => Array.from({ length }, (_, i) => (i % 6 < 3 ? i % 6 : 10 + i));

/** The time that a text takes with guesses, as a share of the time without. */
async function shareOf(text: readonly number[], firstMs = 0): Promise<number> {
  const times = [];
  for (const guess of [false, true]) {
    const model = madeUp(text, { firstMs });
    await play(model, [text.slice(0, 12)], text.length, { guess });
    times.push(model.now());
  }
  return times[1] / times[0];
}

/** Steps take as long as `jitter` says: with 1 two thirds of them between 0.6 and 1.6 times as long. */
it.each([0, 1, 2])('guesses text that copies behind text that does not, also where times vary (%i)', async (jitter) => {
  const copied = Array.from({ length: 60 }, (_, i) => 5000 + i);
  for (const free of [12, 140, 300]) {
    const text = [...threeAgain(free), ...copied, 9000, ...copied, 9001, ...copied];
    const shares: number[] = [];
    for (const seed of jitter ? [1, 2, 3, 4, 5] : [1]) {
      const [alone, guessing] = [1, 2].map(() => madeUp(text, { jitter, seed }));
      await play(alone, [text.slice(0, 12)], text.length, { guess: false });
      await play(guessing, [text.slice(0, 12)], text.length);
      shares.push(guessing.now() / alone.now());
    }
    expect(shares.reduce((a, b) => a + b) / shares.length).toBeLessThan(jitter ? 0.95 : 0.92);
  }
});

it('loses as little of a short answer where what checks guesses takes long when it first runs', async () => {
  for (const tokens of [64, 100, 200]) expect(await shareOf(threeAgain(12 + tokens), 500)).toBeLessThan(1.02);
});

it('counts of guesses what an answer takes, nothing behind its end', async () => {
  const text = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3];
  const [stopped] = await play(madeUp(text), [text.slice(0, 10)], 21, { all: true, until: ({ id }) => id !== 5 });
  expect(stopped.tokens).toEqual(text.slice(0, 14));
  const made = stopped.tokens.length - 10;
  expect(stopped.guesses).toBe(7);
  expect(made - stopped.right).toBe(2); // the first one, and one step
  const [ended] = await play(madeUp(text, { ends: [5] }), [text.slice(0, 10)], 21, { all: true, until: ({ id }) => id !== 5 });
  expect(ended).toEqual(stopped);
});

it('looks up earlier answers, but no texts that were only embedded', async () => {
  const text = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
  const embedded = Array.from({ length: 9 }, (_, i) => [50 + i, 70 + i, 90 + i]);
  const steps = (guesses: Told[]) => guesses.at(-1)!.guesses;
  const model = madeUp(text);
  expect(steps(await play(model, [text.slice(0, 3), text.slice(0, 3)], 14, { all: true }))).toBeGreaterThan(0);
  const both = speculate(model.steps, model.runner, { all: true, rowBytes: 1, now: model.now });
  const scheduler = createScheduler<Token, Answer>(both);
  const run = async (tokens: number[], most: number) => {
    let guesses = 0;
    const onGuesses = (count: number) => void (guesses += count);
    await scheduler.run(createAnswer({ tokens, most, sampler: { ahead: true } as Answer['sampler'], onFeed() {}, onToken: () => true, onGuesses }));
    return guesses;
  };
  expect(await run(text.slice(0, 3), 14)).toBe(0);
  for (const tokens of embedded) await run(tokens, tokens.length);
  expect(await run(text.slice(0, 3), 14)).toBeGreaterThan(0);
});

interface Writer {
  /** What it writes in the place of each token. */
  says: readonly number[];
  /** What a token takes it, and one of many of a text. */
  tokenMs: number;
  runMs?: number;
  /** What is assumed of a token at first, in the place of `tokenMs`. */
  assumedMs?: number;
  /** Of the model that checks. */
  vocab?: number;
  /** What it takes longer when it first runs. */
  firstMs?: number;
  /** Fails in the place of what it would say, from so many times on. */
  fails?: { error: Error; from?: number };
}

/** A made-up model that drafts, on the clock of another one; `asked` notes how many guesses it was asked for. */
function writer(
  model: ReturnType<typeof madeUp>, { says, tokenMs, runMs = 0.1, assumedMs = tokenMs, vocab = Infinity, firstMs = 0, fails }: Writer, asked: number[] = [],
): MakeDrafter {
  const known: number[] = [];
  let isWarm = false;
  const on = {
    warm: async () => void (isWarm = true),
    async feed(ids: readonly number[], position: number) {
      known.splice(position, Infinity, ...ids);
      model.spend(ids.length > 8 ? ids.length * runMs : 0);
    },
    async* tokens(_: unknown, length: number, most: number) {
      asked.push(most);
      if (fails && asked.length > (fails.from ?? 0)) throw fails.error;
      model.spend(most * tokenMs + (isWarm ? 0 : firstMs));
      isWarm = true;
      yield says.slice(length, length + most).map((id) => ({ id }));
    },
  } as unknown as Runner;
  const note = (position: number, ids: readonly number[]) => void known.splice(position, Infinity, ...ids);
  return (worth, times, now) => draftOfModel({
    name: 'a writer', worth, times, now, vocab, runner: { of: () => on } as unknown as Runner, sequence: { tokens: known, note } as unknown as Sequence,
    sampler: async () => ({}) as Sampler, textFor: (tokens) => tokens, assumedShare: () => assumedMs / stepMs,
  });
}

const fresh = Array.from({ length: 3000 }, (_, i) => i); // never the same again
const wrong = fresh.map((id) => id + 1);

/** The time that a text takes with drafters, as a share of the time without. */
async function timeWith(writers: readonly Writer[], { text = fresh, lookup }: { text?: number[]; lookup?: boolean } = {}) {
  const [alone, guessing] = [madeUp(text), madeUp(text)];
  const asked: number[][] = writers.map(() => []);
  await play(alone, [text.slice(0, 100)], text.length, { guess: false });
  const [{ tokens }] = await play(guessing, [text.slice(0, 100)], text.length, { lookup, models: writers.map((each, i) => writer(guessing, each, asked[i])) });
  expect(tokens).toEqual(text);
  return { share: guessing.now() / alone.now(), asked };
}

it('takes the guesses of a model that is fast and right', async () => {
  const { share, asked: [asked] } = await timeWith([{ says: fresh, tokenMs: 0.5 }]);
  expect(share).toBeLessThan(0.4);
  expect(asked.slice(10)).toContain(7);
});

it.each<[string, Writer]>([
  ['wrong', { says: wrong, tokenMs: 1 }],
  ['as slow as what it drafts for, and right', { says: fresh, tokenMs: stepMs }],
  ['slower than was assumed', { says: fresh, tokenMs: 2 * stepMs, assumedMs: 1 }],
  ['as slow as that and wrong', { says: wrong, tokenMs: 2 * stepMs, assumedMs: 1 }],
  ['slower to begin than was assumed', { says: wrong, tokenMs: 1, runMs: 2 }],
  ['wrong in that it guesses what is in no vocabulary', { says: fresh, tokenMs: 1, vocab: 0 }],
  ['as slow as that and slower than was assumed', { says: fresh, tokenMs: 2 * stepMs, assumedMs: 1, vocab: 0 }],
  ['slow when it first runs, and wrong', { says: wrong, tokenMs: 1, firstMs: 1000 }],
])('loses at most two parts of a hundred by a model that is %s', async (_, model) => {
  expect((await timeWith([model])).share).toBeLessThan(1.02);
  expect((await timeWith([model], { lookup: false })).share).toBeLessThan(1.02);
});

it('takes of two models the one that pays better, and what can be looked up before both', async () => {
  const good = { says: fresh, tokenMs: 0.5 };
  const { asked: [poor, better], share } = await timeWith([{ says: fresh.map((id) => (id % 3 ? id : -1)), tokenMs: 0.5 }, good]);
  expect(better.length).toBeGreaterThan(10 * poor.length);
  expect(share).toBeLessThan(0.5);
  const copied = Array.from({ length: 3000 }, (_, i) => i % 50);
  const { asked: [asked] } = await timeWith([{ says: copied, tokenMs: 1 }], { text: copied });
  expect(asked.length).toBeLessThan(10);
});

const failure = new Error('None of its logits is a finite number.');

it('goes on without a model that fails, and says so once', async () => {
  for (const from of [0, 3]) {
    const model = madeUp(fresh);
    const asked: number[] = [];
    const [{ tokens, notices, guesses }, next] = await play(model, [fresh.slice(0, 100), fresh.slice(0, 100)], 400, {
      models: [writer(model, { says: fresh, tokenMs: 0.5, fails: { error: failure, from } }, asked)], isLost: async () => false,
    });
    expect(tokens).toEqual(fresh.slice(0, 400));
    expect(notices).toEqual([`No tokens are guessed any more by a writer, which failed; answers are the same without. ${failure.message}`]);
    expect([asked.length, guesses > 0]).toEqual([from + 1, from > 0]);
    expect(next).toMatchObject({ tokens, notices: [] });
  }
});

it('goes on with what is looked up, and with another model, where one fails', async () => {
  const model = madeUp(fresh);
  const asked: number[] = [];
  const models = [writer(model, { says: fresh, tokenMs: 0.1, fails: { error: failure } }), writer(model, { says: fresh, tokenMs: 0.5 }, asked)];
  const [{ tokens, right }] = await play(model, [fresh.slice(0, 100)], 400, { models, lookup: true });
  expect(tokens).toEqual(fresh.slice(0, 400));
  expect(right).toBeGreaterThan(100);
});

it('tells what a model failed by where the GPU was lost, or the answer was aborted', async () => {
  const lost = madeUp(fresh);
  const models = [writer(lost, { says: fresh, tokenMs: 0.5, fails: { error: failure } })];
  await expect(play(lost, [fresh.slice(0, 100)], 400, { models, isLost: async () => true })).rejects.toBe(failure);
});

it('does without a model that fails before any answer, which the first one tells', async () => {
  const model = madeUp(fresh);
  const broken: MakeDrafter = (...how) => ({ ...writer(model, { says: fresh, tokenMs: 0.5 })(...how), ready: () => Promise.reject(failure) });
  const [{ tokens, notices, guesses }] = await play(model, [fresh.slice(0, 100)], 400, { models: [broken], isLost: async () => false });
  expect([tokens, guesses]).toEqual([fresh.slice(0, 400), 0]);
  expect(notices).toEqual([expect.stringContaining(failure.message)]);
});
