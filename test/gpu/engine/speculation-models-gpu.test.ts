// Guesses that a model writes, on Dawn: texts are those without, whoever guesses, and all of it is planned.
import { describe, expect, it } from 'vitest';
import { type EngineOptions } from '../../../src/engine/engine.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type SamplingOptions, type SpeculationOptions } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, bytesOf, openEngine, quick, stories } from '../../engine.ts';

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

  it('of another model gives the same answers, with all weights there and with a quarter, and is there again after a change of the budget', async () => {
    const plain = await open({});
    const expected = await answers(plain);
    const { model } = plain.loaded();
    await plain.unload();
    const speculation = { lookup: false, draft: stories() };
    const whole = await guessing(speculation);
    const { plan, draft, planned: { chosen: { options: asked } } } = whole.loaded().model;
    expect(plan.bytes.draft).toBe(draft!.plan.totalBytes);
    expect(whole.stats().gpuBytes.draft).toBe(Object.values(draft!.ledger.bytes).reduce((a, b) => a + b));
    const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv, draft: asked.draft }).find(({ name }) => name === '25 %')!;
    await whole.changeBudget(budgetBytes);
    expect(whole.loaded().model.plan.verdict).toBe('streams');
    expect(whole.loaded().model.draft!.plan.verdict).toBe('fits');
    expect(whole.loaded().info.draft).toEqual({ name: 'stories260K', bytes: whole.loaded().model.plan.bytes.draft });
    await expectSame(whole, expected);
    await expectSame(await guessing(speculation), expected);
    const wrong = await guessing({ lookup: false, draft: bytesOf('tiny/tiny-llama-k.gguf') }); // which has other weights, of other types
    const { texts, guessed, right } = await answers(wrong);
    expect([texts, guessed > 100, right < 20]).toEqual([expected.texts, true, true]);
    await wrong.unload();
  });

  it('goes on after the GPU was lost, with the model that drafts', async () => {
    const engine = await guessing({ draft: stories(), lookup: false });
    const whole = await answer(engine, { prompt: { tokens }, maxTokens: 16 });
    let lost = false;
    const made = await answer(engine, { prompt: { tokens }, maxTokens: 16 }, undefined, () => {
      if (!lost) engine.loaded().model.gpu.device.destroy();
      lost = true;
    });
    expect(made.ids).toEqual(whole.ids);
    expect(made.stats.notices).toHaveLength(1);
    const { ledger, plan, draft, gpu } = engine.loaded().model;
    expect([draft!.gpu === gpu, ledger.bytes.draft > 0, ledger.peakBytes <= plan.totalBytes]).toEqual([true, true, true]);
    await engine.unload();
  });

  it('refuses another model that cannot be', async () => {
    await expect(open({ speculation: { draft: bytesOf('tiny/tiny-mamba2.gguf') } })).rejects.toThrow('has a recurrent state');
    const other = stories();
    const file = new Uint8Array(other.bytes);
    const at = Buffer.from(other.bytes).indexOf('\u2581ha'); // a token
    file[at + 3] = 'H'.charCodeAt(0);
    await expect(open({ speculation: { draft: other } })).rejects.toThrow('has "\u2581Ha" as token 300; the model has "\u2581ha"');
    await expect(open({ speculation: { draft: stories() }, budgetBytes: 2 ** 19 })).rejects.toThrow(/The draft model .+ to be whole on the GPU/);
  });

  it('refuses a shortened text that cannot be', async () => {
    await expect(open({ speculation: { shortContext: 100 } })).rejects.toThrow('speculation.shortContext is 100; it has to be a whole number from 128');
    await expect(open({ speculation: { shortContext: 320 } })).rejects.toThrow('less than the context of 320');
    await expect(open({ speculation: { lookup: false } })).rejects.toThrow('nothing else guesses');
  });
});
