// Texts of a loaded model one token at a time, and in steps that check guesses, of which some are wrong: both are to be the same.
import { expect } from 'vitest';
import { type LoadedModel } from '../../src/engine/load/load.ts';
import { type Runner, createRunner } from '../../src/engine/run/runner.ts';
import { type SamplerOptions } from '../../src/model/sampling/stage.ts';
import { type Token } from '../../src/protocol.ts';
import { mulberry32 } from '../../src/random.ts';

export interface Text {
  tokens: Token[];
  /** Behind all of them, (vocab). */
  logits: Float32Array;
}

interface Asked {
  prompt: readonly number[];
  count: number;
  sampling: Partial<SamplerOptions>;
}

const runners = new WeakMap<LoadedModel, Runner>();

/** One for all texts of a model: its buffers are planned once. */
function runnerOf(model: LoadedModel): Runner {
  const runner = runners.get(model) ?? createRunner(model);
  runners.set(model, runner);
  return runner;
}

/** `count` tokens behind the prompt, one by one. */
export async function alone(model: LoadedModel, { prompt, count, sampling }: Asked): Promise<Text> {
  const sequence = model.createSequence();
  const on = runnerOf(model).of(sequence);
  await on.feed(prompt, 0);
  const tokens: Token[] = [];
  for await (const made of on.tokens(await model.samplerFor({ seed: 0, ...sampling }), prompt.length, count)) tokens.push(...made);
  await on.feed([tokens.at(-1)!.id], prompt.length + count - 1);
  const logits = await on.readLogits();
  sequence.close();
  return { tokens, logits };
}

/**
 * The same where steps check guesses, the first of them seven that are right, and others none: of the guesses, those of `expected`, some are wrong.
 * Asserts of each step how many of its tokens count.
 */
export async function guessed(model: LoadedModel, { prompt, count, sampling }: Asked, expected: readonly Token[]): Promise<Text> {
  const random = mulberry32(5);
  const sequence = model.createSequence();
  const runner = runnerOf(model);
  const on = runner.of(sequence);
  const sampler = await model.samplerFor({ seed: 0, ...sampling });
  await on.feed(prompt, 0);
  const tokens = [await on.sample(sampler, prompt.length)];
  for (let first = true; tokens.length < count; first = false) {
    const step = { sequence, sampler, length: prompt.length + tokens.length };
    const guesses = expected.slice(tokens.length, tokens.length + (first ? 7 : Math.floor(8 * random()))).map(({ id }) => id);
    const wrong = first ? guesses.length : Math.floor(10 * random());
    if (wrong < guesses.length) guesses[wrong] = (guesses[wrong] + 1) % model.graph.config.vocab;
    if (guesses.length) {
      const made = await runner.verify(step, guesses);
      expect(made).toHaveLength(Math.min(wrong, guesses.length) + 1);
      tokens.push(...made);
    } else tokens.push(...(await (await runner.decode([step], 1)).tokens[0]));
  }
  tokens.length = count;
  await on.feed([tokens.at(-1)!.id], prompt.length + count - 1); // on what guesses have left, some of which were wrong
  const logits = await on.readLogits();
  sequence.close();
  return { tokens, logits };
}

/** The same tokens, the same likeliest ones at each place, log-probabilities to 1e-4, and what comes next as likely. */
export function expectSame(made: Text, expected: Text, mostApart = 1e-4): void {
  expect(made.tokens.map(({ id }) => id)).toEqual(expected.tokens.map(({ id }) => id));
  expect(made.tokens.map(({ top }) => top?.map(({ id }) => id))).toEqual(expected.tokens.map(({ top }) => top?.map(({ id }) => id)));
  for (const [i, { logprob = 0 }] of made.tokens.entries()) expect(Math.abs(logprob - (expected.tokens[i].logprob ?? 0))).toBeLessThan(mostApart);
  expect(apart(made.logits, expected.logits)).toBeLessThan(mostApart);
}

/** Largest difference; infinite where one is no number. */
export const apart = (found: Float32Array, wanted: Float32Array): number =>
  found.reduce((most, value, i) => (Number.isNaN(value - wanted[i]) ? Infinity : Math.max(most, Math.abs(value - wanted[i]))), 0);
