// Guesses that a model writes, on Dawn: texts are those without, whoever guesses, and all of it is planned.
import { describe, expect, it } from 'vitest';
import { type EngineOptions } from '../../../src/engine/engine.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type SamplingOptions, type SpeculationOptions } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, openEngine, quick, stories } from '../../engine.ts';

const tokens = [1, ...Array.from({ length: 239 }, (_, i) => 3 + ((i * 7919) % 500))];
const requests: SamplingOptions[] = [{}, { temperature: 0.8, topK: 40, seed: 3, logprobs: 2 }];
const options: EngineOptions = { ...quick, context: 320 };

async function open(more: EngineOptions) {
  const engine = openEngine();
  await engine.load(stories(), { ...options, ...more });
  return engine;
}

type Engine = Awaited<ReturnType<typeof open>>;

/** What is answered to all requests, one after the other, and how many guesses were right of how many. */
async function answers(engine: Engine) {
  const texts = [];
  let [guessed, right] = [0, 0];
  for (const sampling of requests) {
    const { ids, text, reason, stats: { guessedTokens = 0, rightTokens = 0 } } = await answer(engine, { prompt: { tokens }, sampling, maxTokens: 16 });
    texts.push({ ids, text, reason });
    guessed += guessedTokens;
    right += rightTokens;
  }
  return { texts, guessed, right };
}

describe.skipIf(!adapterFile)('an engine whose guesses a model writes', () => {
  const guessing = (speculation: SpeculationOptions, budgetBytes?: number) => open({ speculation, budgetBytes, experiment: { allGuesses: true } });

  /** Compares with `expected`, and what the ledger counted with the plan. */
  async function expectSame(engine: Engine, expected: { texts: unknown }): Promise<void> {
    const { texts, guessed, right } = await answers(engine);
    expect(texts).toEqual(expected.texts);
    expect(right).toBeGreaterThan(0);
    expect(right).toBeLessThanOrEqual(guessed);
    const { ledger, plan } = engine.loaded().model;
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    await engine.unload();
    expect(Object.values(ledger.bytes).reduce((a, b) => a + b)).toBe(0);
  }

  it('from a shortened text gives the same answers, with all weights there and with a quarter', async () => {
    const plain = await open({});
    const expected = await answers(plain);
    const { model } = plain.loaded();
    const speculation = { lookup: false, shortContext: 128 };
    const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv, speculation }).find(({ name }) => name === '25 %')!;
    await plain.unload();
    await expectSame(await guessing(speculation), expected);
    const streamed = await guessing(speculation, budgetBytes);
    expect(streamed.loaded().model.plan.verdict).toBe('streams');
    await expectSame(streamed, expected);
  });

  it('refuses a shortened text that cannot be', async () => {
    await expect(open({ speculation: { shortContext: 100 } })).rejects.toThrow('speculation.shortContext is 100; it has to be a whole number from 128');
    await expect(open({ speculation: { shortContext: 320 } })).rejects.toThrow('less than the context of 320');
    await expect(open({ speculation: { lookup: false } })).rejects.toThrow('nothing else guesses');
  });
});
