// Evaluation against the float64 reference's logits and the plain loops: likelihoods of texts, choices, and divergences of two quantisations.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { multipleChoice, perplexity } from '../../../src/api/evaluate.ts';
import { distributions } from '../../../src/api/distributions.ts';
import { divergence } from '../../../src/api/divergence.ts';
import { createSurface, type Surface } from '../../../src/api/surface.ts';
import { compare } from '../../../src/bench/compare.ts';
import { backendOf } from '../../../src/node/backend.ts';
import { adapterFile } from '../../dawn.ts';
import { negativeLogLikelihood } from '../../../src/cli/perplexity.ts';
import { bytesOf, golden, openEngine, quick, stories } from '../../engine.ts';
import { divergence as klOf } from '../../../src/bench/fidelity.ts';
import { fixture, jsonFixture } from '../../models/fixture.ts';
import { forward } from '../../models/forward.ts';
import { goldenLogits } from '../../models/golden.ts';
import { record } from '../../verified.ts';

const command = 'npx vitest run --project gpu test/gpu/api/evaluate-gpu.test.ts';
const tokensOf = (name: string) => jsonFixture<{ tokens24: number[] }>(`tiny/${name}.json`).tokens24;
const nllOf = (logits: Float32Array, ids: readonly number[]): number[] => {
  const vocab = logits.length / ids.length;
  return ids.slice(1).map((id, i) => negativeLogLikelihood(logits.subarray(i * vocab, (i + 1) * vocab), id));
};
const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

describe.skipIf(!adapterFile)('evaluation', () => {
  const engines = adapterFile ? [openEngine(), openEngine()] : undefined!;
  afterAll(() => Promise.all(engines.map((engine) => engine.unload())));

  it('gives the perplexity of the float64 reference, of several chunks together', async () => {
    const ids = tokensOf('tiny-llama-f16');
    await engines[0].load(bytesOf('tiny/tiny-llama-f16.gguf'), quick);
    const nll = nllOf(goldenLogits('tiny-llama-f16'), ids);
    const found = await perplexity(createSurface(backendOf(engines[0])), [ids, ids.slice(0, 10)]);
    const wanted = sum(nll) + sum(nll.slice(0, 9));
    const error = Math.abs(found.totalNll - wanted) / wanted;
    record({ point: 'Negative log likelihood against the float64 reference, relative (limit 1e-5)', command, value: error });
    expect([found.scored, found.chunkNll.length]).toEqual([32, 2]);
    expect(error).toBeLessThan(1e-5);
    expect(found.perplexity).toBeCloseTo(Math.exp(wanted / 32), 1);
  });

  it('gives the divergence of two quantisations that the references have, and none of a model from itself', async () => {
    const ids = tokensOf('tiny-llama-f16');
    const [a, b] = [goldenLogits('tiny-llama-f16'), await forward(fixture('tiny/tiny-llama-k.gguf'), ids)];
    const vocab = a.length / ids.length;
    const each = ids.map((_, i) => klOf(a.subarray(i * vocab, (i + 1) * vocab), b.subarray(i * vocab, (i + 1) * vocab)));
    await engines[0].load(bytesOf('tiny/tiny-llama-f16.gguf'), { ...quick, allLogits: true });
    await engines[1].load(bytesOf('tiny/tiny-llama-k.gguf'), { ...quick, allLogits: true });
    const found = await compare(engines[0].loaded(), engines[1].loaded(), [ids]);
    const error = Math.max(Math.abs(found.meanKl - sum(each) / each.length), Math.abs(found.mostKl - Math.max(...each)));
    record({ point: 'Divergence of two quantisations against that of the references (limit 1e-4)', command, value: error });
    expect([found.positions, error < 1e-4]).toEqual([24, true]);
    expect(found.meanKl).toBeGreaterThan(1e-6);
    const [first, second] = engines.map((engine) => ({ distributions: distributions(backendOf(engine)) }));
    const told = await divergence(first, second, [ids]); // over the API, as a page has it: of the last token nothing follows
    const places = each.slice(0, -1);
    expect(Math.abs(told.meanKl - sum(places) / places.length) + Math.abs(told.mostKl - Math.max(...places))).toBeLessThan(1e-4);
    expect([told.positions, await divergence(first, first, [ids])]).toEqual([23, { positions: 23, meanKl: 0, mostKl: 0, sameToken: 1 }]);
    expect(await compare(engines[0].loaded(), engines[0].loaded(), [ids])).toEqual({ positions: 24, meanKl: 0, mostKl: 0, sameToken: 1 });
    const { model, ...rest } = engines[1].loaded();
    const other = { ...rest, model: { ...model, graph: { ...model.graph, config: { ...model.graph.config, vocab: 7 } } } };
    await expect(compare(engines[0].loaded(), other, [ids])).rejects.toThrow(/only models of one vocabulary/);
  });

  describe('of choices', () => {
    let surface: Surface;
    beforeAll(async () => {
      await engines[0].load(stories(), quick);
      surface = createSurface(backendOf(engines[0]));
    });
    const choices = [', there was a little girl', ', stop the big zebra'];

    it('scores each by the log-likelihood of its tokens, as the plain loops have it', async () => {
      const { questions: [{ choices: scores, likeliest }], accuracy } = await multipleChoice(surface, [{ prompt: golden.prompt, choices, answer: 0 }]);
      const { tokenizer } = engines[0].loaded().text!;
      const encode = (text: string) => tokenizer.encode(text, { addSpecial: true, parseSpecial: false });
      for (const [i, choice] of choices.entries()) {
        const ids = encode(golden.prompt + choice);
        const own = nllOf(await forward(fixture('stories260K/stories260K.gguf'), ids), ids).slice(encode(golden.prompt).length - 1);
        expect(scores[i].tokens).toBe(own.length);
        expect(Math.abs(scores[i].logLikelihood + sum(own))).toBeLessThan(1e-3);
        expect(scores[i].perByte).toBeCloseTo(-sum(own) / choice.length, 4);
      }
      expect([likeliest, accuracy]).toEqual([0, 1]);
    });

    it('counts questions with an answer alone, and refuses what is none', async () => {
      const ask = { prompt: golden.prompt, choices };
      const told: number[] = [];
      const found = await multipleChoice(surface, [ask, { ...ask, answer: 1 }, { ...ask, answer: 0 }], { onProgress: (done) => told.push(done) });
      expect([found.accuracy, found.questions.length, told]).toEqual([0.5, 3, [1, 2, 3]]);
      expect((await multipleChoice(surface, [ask])).accuracy).toBeUndefined();
      await expect(multipleChoice(surface, [{ ...ask, answer: 2 }])).rejects.toThrow(/The answer of question 0 is 2/);
      await expect(multipleChoice(surface, [{ ...ask, choices: ['a'] }])).rejects.toThrow(/at least two texts/);
      await expect(perplexity(surface, [[5]])).rejects.toThrow(/a single token/);
      await expect(perplexity(surface, ['a b'], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    });
  });
});
