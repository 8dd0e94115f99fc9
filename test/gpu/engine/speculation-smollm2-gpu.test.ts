// What guesses of next tokens are worth with SmolLM2: prompts whose answers copy from them and prompts whose answers do not, with all weights on
// the GPU and with a quarter of them, each with guesses and without, one after the other. Takes minutes: in the full run alone.
import { describe, expect, it } from 'vitest';
import { type Engine } from '../../../src/engine/engine.ts';
import { openFileSource } from '../../../src/weights/source/file-source.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type SamplingOptions } from '../../../src/protocol.ts';
import { adapterFile, isSwiftShader } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { type Answer, answer, openEngine } from '../../engine.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { isFull, record } from '../../verified.ts';

const { copying, free } = jsonFixture<Record<'copying' | 'free', Record<string, string>>>('speculation/prompts.json');
const kernels = isSwiftShader
  ? 'splits=1,panels=4,dot=f32,prefill=broadcast4,few=0,reduce=workgroup,threads=32'
  : 'splits=1,panels=4,dot=f32,prefill=broadcast8,few=0,reduce=workgroup,threads=32';
const maxTokens = 64;
const minutes = 60_000;
const command = (test: string) => `WINDROW_FULL=1 npx vitest run --project gpu test/gpu/engine/speculation-smollm2-gpu.test.ts -t "${test}"`;

interface Sums {
  tokens: number;
  ms: number;
  right: number;
  guessed: number;
  uploaded: number;
}

const sumOf = (answers: readonly Answer[]): Sums => answers.reduce((sum, { stats }) => ({
  tokens: sum.tokens + stats.newTokens - 1, ms: sum.ms + stats.decodeMs, right: sum.right + (stats.rightTokens ?? 0),
  guessed: sum.guessed + (stats.guessedTokens ?? 0),
  uploaded: sum.uploaded + (stats.transfer?.decode.uploadedBytes ?? 0),
}), { tokens: 0, ms: 0, right: 0, guessed: 0, uploaded: 0 });

describe.skipIf(!adapterFile || !defaultModelPath || !isFull)('guesses with SmolLM2', () => {
  async function load(budgetBytes?: number, speculation?: object): Promise<Engine> {
    const engine = openEngine();
    await engine.load(await openFileSource(defaultModelPath!), { f32: true, kernels, context: 512, budgetBytes, speculation });
    return engine;
  }

  async function compare(prompts: Record<string, string>, budgetBytes?: number, sampling: SamplingOptions = {}) {
    const [guessing, plain] = [await load(budgetBytes, {}), await load(budgetBytes)];
    const [withGuesses, without]: Answer[][] = [[], []];
    for (const [name, content] of Object.entries(prompts)) {
      const request = { prompt: { messages: [{ role: 'user' as const, content }] }, maxTokens, sampling };
      const expected = await answer(plain, request);
      const made = await answer(guessing, request);
      expect(made.ids, name).toEqual(expected.ids);
      withGuesses.push(made);
      without.push(expected);
      const { newTokens, rightTokens = 0, guessedTokens = 0 } = made.stats;
      console.log(name, `${(newTokens / (newTokens - rightTokens)).toFixed(2)} tokens per pass, ${rightTokens} of ${guessedTokens} guesses right`);
    }
    const [guessed, alone] = [sumOf(withGuesses), sumOf(without)];
    for (const engine of [guessing, plain]) await engine.unload();
    return {
      tokensPerPass: guessed.tokens / (guessed.tokens - guessed.right), guessesPerToken: guessed.guessed / guessed.tokens,
      speedup: guessed.tokens / guessed.ms / (alone.tokens / alone.ms),
      perSecond: (1000 * guessed.tokens) / guessed.ms, perSecondWithout: (1000 * alone.tokens) / alone.ms,
      bytesPerToken: guessed.uploaded / guessed.tokens, bytesWithout: alone.uploaded / alone.tokens,
    };
  }

  /** A quarter of the weights beside what a context of 512 needs. */
  async function quarter(): Promise<number> {
    const engine = await load();
    const { model } = engine.loaded();
    const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv }).find(({ name }) => name === '25 %')!;
    await engine.unload();
    return budgetBytes;
  }

  /** Time for a token as passes of one, where each row of a guess adds what is assumed of it before anything is measured: 0.15 of one. */
  const passes = ({ tokensPerPass, guessesPerToken }: Pick<Awaited<ReturnType<typeof compare>>, 'tokensPerPass' | 'guessesPerToken'>): number =>
    1 / tokensPerPass + 0.15 * guessesPerToken;

  // That texts are equal is asserted of each prompt; times are recorded, as no test depends on them.
  it.each([['copies', copying], ['is free', free]] as const)('text that %s, all weights on the GPU', async (name, prompts) => {
    const value = await compare(prompts);
    record({ point: `guesses in text that ${name}, SmolLM2 with all weights on the GPU`, command: command(`text that ${name}, all`), value });
    console.log(value);
    if (prompts === copying) expect(value.tokensPerPass).toBeGreaterThanOrEqual(1.5);
    else expect(passes(value)).toBeLessThanOrEqual(1 / 0.98);
  }, 20 * minutes);

  it.each([['copies', copying], ['is free', free]] as const)('text that %s, a quarter of the weights on the GPU', async (name, prompts) => {
    const value = await compare(prompts, await quarter());
    const point = `guesses in text that ${name}, SmolLM2 with a quarter of the weights on the GPU`;
    record({ point, command: command(`text that ${name}, a quarter`), value });
    console.log(value);
    const { bytesPerToken, bytesWithout, tokensPerPass } = value;
    expect(bytesPerToken * tokensPerPass).toBeLessThan(1.1 * bytesWithout); // weights are read once for all guesses of a step
    // Where reading weights takes the time, text that copies comes so many times as fast, and other text not slower.
    expect(bytesPerToken).toBeLessThanOrEqual(bytesWithout / (prompts === copying ? 1.5 : 0.98));
    if (prompts === copying) expect(tokensPerPass).toBeGreaterThanOrEqual(1.5);
    else expect(passes(value)).toBeLessThanOrEqual(1 / 0.98);
  }, 20 * minutes);

  it('text that is drawn, with all weights on the GPU and with a quarter', async () => {
    const prompts = Object.fromEntries([...Object.entries(copying).slice(0, 2), ...Object.entries(free).slice(0, 1)]);
    for (const budgetBytes of [undefined, await quarter()]) {
      const { tokensPerPass } = await compare(prompts, budgetBytes, { temperature: 0.8, topK: 40, topP: 0.95, seed: 11 });
      record({
        point: `guesses in text that is drawn, SmolLM2 with ${budgetBytes ? 'a quarter' : 'all'} of the weights on the GPU: equal texts, tokens per pass`,
        command: command('text that is drawn'), value: tokensPerPass,
      });
    }
  }, 20 * minutes);
});
