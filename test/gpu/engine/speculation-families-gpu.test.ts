// Steps that check guesses, of every family of models that keeps keys and values, on Dawn: the text that comes one token at a time, greedy and drawn,
// with all weights on the GPU and with a quarter of them, where mixtures fetch experts, and sparse layers neurons, as they are chosen.
import { describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type ModelFileOptions } from '../../../src/model/architecture.ts';
import { hasState } from '../../../src/model/operations.ts';
import { adapterFile } from '../../dawn.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { families } from '../../models/golden.ts';
import { alone, expectSame, guessed } from '../../models/guessed.ts';
import { testChoice } from '../../models/model.ts';
import { close, load, openFixtureFile } from '../../streamed.ts';
import { isFull, record } from '../../verified.ts';

const count = 24;
const samplings = [{}, { temperature: 1, topP: 0.95, seed: 6, logprobs: 2 }];
/** A mixture with sinks and windows in the short run. */
const some = isFull ? [...families.map(({ name }) => name), 'tiny-llama-k', 'tiny-gemma3', 'tiny-qwen2', 'tiny-phi3', 'tiny-qwen3moe'] : ['tiny-gpt-oss'];
const command = 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/engine/speculation-families-gpu.test.ts';

describe.skipIf(!adapterFile)('steps with guesses of families', () => {
  const byNeurons: [string, ModelFileOptions] = ['tiny-smallthinker', { neurons: true }];
  const cases = [...some.map((name): [string, ModelFileOptions] => [name, {}]), ...(isFull ? [byNeurons] : [])];
  it.each(cases)('%s: the same texts, whatever is guessed, with all weights and with a quarter (%o)', async (name, how) => {
    const { tokens100 } = jsonFixture<{ tokens100: number[] }>(`tiny/${name}.json`);
    const prompt = tokens100.slice(0, 60);
    const file = await openFixtureFile(`tiny/${name}.gguf`, how);
    expect(hasState(file.opened.graph)).toBe(false);
    const size = { logitsRows: 8, sequences: 2, context: 128, chunk: 32, speculation: {} };
    const compare = async (model: LoadedModel, expected: Awaited<ReturnType<typeof alone>>[]) => {
      for (const [i, sampling] of samplings.entries())
        expectSame(await guessed(model, { prompt, count, sampling }, expected[i].tokens), expected[i], mostApart(name));
      expect(model.ledger.peakBytes).toBeLessThanOrEqual(model.plan.totalBytes);
    };
    // By a kernel for a few rows, and by that for many.
    for (const few of isFull ? [4, 0] : [4]) {
      const choice = { ...testChoice, few };
      const whole = await load(file, { ...size, choice });
      expect(whole.plan.verdict).toBe('fits');
      const expected = [];
      for (const sampling of samplings) expected.push(await alone(whole, { prompt, count, sampling }));
      await compare(whole, expected);
      const { budgetBytes } = sweepBudgets(file.opened, { ...whole.sizes, ...size, kv: whole.kv }).find((each) => each.name === '25 %')!;
      await close(whole);
      const streamed = await load(file, { ...size, choice, budgetBytes });
      expect(streamed.plan).toMatchObject({ verdict: 'streams', logitsRows: 8 });
      expect(streamed.plan.groups !== undefined).toBe(file.opened.sections.some(({ pool }) => pool)); // experts and neurons as they are chosen
      await compare(streamed, expected);
      await close(streamed);
    }
    record({
      point: `${name}${how.neurons ? ' by neurons' : ''}: guesses, right and wrong, greedy and drawn, all weights and a quarter: tokens of equal texts`,
      command, value: count,
    });
  });
});

/** Logits that are larger differ by more. */
const mostApart = (name: string): number => (name.includes('gemma') ? 1e-3 : 2e-4);
