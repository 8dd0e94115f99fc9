// Answers under policies whose tokens are run again, or were forced: what is kept, and the text, is what it is where each was chosen one after the other.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { argmax } from '../../../src/distribution.ts';
import { type Engine } from '../../../src/engine/engine.ts';
import { type GenerateRequest } from '../../../src/protocol.ts';
import { createConstraints } from '../../../src/text/grammar/constraint.ts';
import { readGrammar } from '../../../src/text/grammar/grammar.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { answer, openEngine, quick, slowClock, stories } from '../../engine.ts';
import { keptPositions } from '../../models/kept-positions.ts';
import { isFull } from '../../verified.ts';

const kvOptions = { share: 0.4, window: 16, interval: 16, positions: 1 };
const words = Array.from({ length: 150 }, (_, i) => 3 + ((i * 37) % 500));
const request: GenerateRequest = { prompt: { tokens: words }, maxTokens: 60, sampling: {} };

async function open(kv: string): Promise<Engine> {
  dawn();
  const engine = openEngine();
  await engine.load(stories(), { ...quick, kv, kvOptions, kernels: `${quick.kernels},chunk=64`, context: 512 });
  return engine;
}

/** What the only conversation keeps. */
async function keptOf(engine: Engine): Promise<{ tokens: readonly number[]; kept: number[][][]; promptLength: number }> {
  const { model, sequences } = engine.loaded();
  const [sequence] = sequences.live;
  return {
    tokens: [...sequence.tokens], kept: await keptPositions(model, sequence, sequence.tokens.length), promptLength: sequence.shaped!.promptLength,
  };
}

describe.skipIf(!adapterFile || !isFull)('under a policy', () => {
  beforeEach(slowClock);
  afterEach(() => void vi.restoreAllMocks());

  it.each(['snapkv', 'h2o'])('%s keeps the same of an answer that gave way, or whose GPU was lost', async (kv) => {
    const engine = await open(kv);
    const whole = await answer(engine, request);
    const expected = await keptOf(engine);
    expect([whole.ids.length, expected.promptLength]).toEqual([60, words.length]);

    await answer(engine, { prompt: { tokens: [1] }, maxTokens: 1 });
    let other: Promise<unknown> | undefined;
    const gaveWay = await answer(engine, { ...request, priority: 1 }, undefined, (count) => {
      if (count === 41) other = answer(engine, { prompt: { tokens: [2, 3] }, maxTokens: 1, priority: 0 });
    });
    await other;
    expect(gaveWay.ids).toEqual(whole.ids);
    expect(await keptOf(engine)).toEqual(expected);

    await answer(engine, { prompt: { tokens: [1] }, maxTokens: 1 });
    const lost = await answer(engine, request, undefined, (count) => {
      if (count === 41) engine.loaded().model.gpu.device.destroy();
    });
    expect(lost.ids).toEqual(whole.ids);
    expect(await keptOf(engine)).toEqual(expected);
    await engine.unload();
  });

  it.each(['snapkv', 'h2o'])('%s keeps the same where a grammar forces tokens', async (kv) => {
    const engine = await open(kv);
    const { text, model, sequences, runner } = engine.loaded();
    const { tokenizer, template } = text!;
    const prompt = { tokens: [...words.slice(0, 100), ...tokenizer.encode('Once upon a time')] };
    const grammar = { regex: '[a-z]{3} Lily and Tom went to the park to play with a red ball [a-z]{3} and then they all went home to sleep [a-z]{3}' };
    const { ids } = await answer(engine, { prompt, grammar, maxTokens: 120 });
    const found = await keptOf(engine);
    expect(found.promptLength).toBe(prompt.tokens.length);

    // The same tokens one by one; those that were chosen are what the grammar allows with the largest logit.
    const constraint = createConstraints(readGrammar(grammar), { tokenizer, ends: template.endOfTurn, size: model.graph.config.vocab }).begin();
    const [sequence] = sequences.live;
    sequence.truncate(0);
    const on = runner.of(sequence);
    await on.feed(prompt.tokens, 0);
    let [forced, chosen] = [0, 0];
    for (const [i, id] of ids.entries()) {
      if (forced > 0) forced--;
      else {
        const logits = await on.readLogits();
        const mask = constraint.mask()!;
        expect(id).toBe(argmax(logits.map((logit, token) => ((mask[token >> 5] >>> (token & 31)) & 1 ? logit : -Infinity))));
        chosen++;
      }
      constraint.accept(id);
      if (forced === 0) forced = constraint.forced().length;
      const position = prompt.tokens.length + i;
      if (position < found.tokens.length) await on.feed([id], position, undefined, true);
    }
    expect(ids.length - chosen).toBeGreaterThan(kvOptions.interval); // forced ones
    expect(chosen).toBeGreaterThan(2);
    expect(await keptOf(engine)).toEqual(found);
    await engine.unload();
  });
});
