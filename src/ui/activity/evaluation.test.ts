// What the page measures on the visitor's texts: how they are cut, what is asked, and what is told. The numbers are of test/gpu/api/evaluate-gpu.test.ts.
import { expect, test } from 'vitest';
import { type Engine } from '../../api/engine.ts';
import { fakeBackend, fakeSurface } from '../../../test/doubles/fake-engine.ts';
import { modelInfo } from '../../../test/doubles/fake-worker.ts';
import { cut, evaluate, memoryOf, optionsOfOther, resultsOf } from './evaluation.ts';

const bytes = (text: string): number => new TextEncoder().encode(text).length;

test('a text is cut in even pieces that are the text again, none longer than asked for', () => {
  const texts = ['a', 'one two three four five six seven', '  leading and trailing  \n', 'x'.repeat(100), 'äöü '.repeat(40), '😀'.repeat(30), ' \n '];
  for (const text of texts) {
    for (const most of [4, 16, 33, 1000]) {
      const pieces = cut(text, most);
      expect(pieces.join(''), `${text} by ${most}`).toBe(text);
      expect(Math.max(...pieces.map(bytes))).toBeLessThanOrEqual(most);
    }
  }
  const sizes = cut('word '.repeat(50), 100).map(bytes); // 250 bytes: three pieces, none a rest
  expect([sizes.length, Math.max(...sizes) - Math.min(...sizes) <= 10]).toEqual([3, true]);
});

/** An engine that holds every token of a text for as likely as `logprob` says. */
function engineThat(logprob: number, name: string): Engine & { unloaded: number } {
  const surface = fakeSurface(fakeBackend(() => ({}), { name, context: 40 }));
  const create = async ({ prompt }: { prompt: string }) => {
    const tokens = prompt.match(/\s*\S+/g)!;
    const offsets = tokens.map((_, i) => tokens.slice(0, i).join('').length);
    return { choices: [{ text: prompt, logprobs: { token_logprobs: tokens.map((_, i) => (i ? logprob : null)), text_offset: offsets } }] };
  };
  const distributions = async (chunk: string) => chunk.match(/\s*\S+/g)!.slice(1).map(() => Float32Array.of(logprob, Math.log(1 - Math.exp(logprob))));
  const engine = { ...surface, completions: { create }, distributions, unloaded: 0, unload: async () => void engine.unloaded++ };
  return engine as unknown as Engine & { unloaded: number };
}
const nothing = { text: '', questions: '' };
const run = (task: Partial<Parameters<typeof evaluate>[1]>, engine = engineThat(Math.log(0.5), 'half')) =>
  evaluate(engine, { ...nothing, ...task }, () => {}, new AbortController().signal);

test('a text, what it is compared with, and questions are measured, and the other is unloaded', async () => {
  const other = engineThat(Math.log(0.25), 'quarter');
  let wanted = 0;
  const text = 'one two three four five six seven eight nine ten';
  const openOther = async (context: number) => ((wanted = context), other);
  const questions = '[{ "prompt": "a b", "choices": [" c", " d e"], "answer": 0 }]';
  const engine = engineThat(Math.log(0.5), 'half');
  Object.assign(engine.info, { kvPolicy: { name: 'kivi4', options: {} } });
  const found = await run({ text, questions, openOther }, engine);
  expect(found).toMatchObject({
    model: { name: 'half', kvPolicy: { name: 'kivi4', options: {} } }, chunkBytes: 32, perplexity: { scored: 8 }, questions: { accuracy: 1 },
    against: { model: { name: 'quarter' }, perplexity: { scored: 8 }, positions: 8, sameToken: expect.any(Number) },
  });
  expect(found.perplexity!.perplexity).toBeCloseTo(2, 10);
  expect(found.against!.perplexity.perplexity).toBeCloseTo(4, 10);
  expect(found.against!.meanKl).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(0.5 / 0.75), 6);
  expect([wanted, other.unloaded], 'a context that holds a chunk').toEqual([40, 1]);
  expect(resultsOf(found).map(([name]) => name)).toEqual([
    'Perplexity', 'Perplexity of the other', 'Divergence on average', 'Same likeliest token', 'Questions', 'Right', 'Right by bytes',
  ]);
  expect(resultsOf(await run({ text }))).toEqual([['Perplexity', '2.000 over 8 tokens']]);
});

test('a chunk of a single token is left out, which is told, and alone it is refused', async () => {
  const [engine, other] = [engineThat(Math.log(0.5), 'half'), engineThat(Math.log(0.25), 'quarter')];
  const text = `one two three ${'x'.repeat(15)}`; // the last token is a chunk of its own
  const found = await run({ text, chunkBytes: 16, openOther: async () => other }, engine);
  expect(found.perplexity).toMatchObject({ scored: 2, leftOut: [1] });
  expect(found.perplexity!.chunkNll).toHaveLength(2);
  expect(found.perplexity!.perplexity).toBeCloseTo(2, 10);
  expect(found.against).toMatchObject({ perplexity: { scored: 2 }, positions: 2 });
  expect(resultsOf(found)[0]).toEqual(['Perplexity', '2.000 over 2 tokens, without a chunk of a single token']);
  await expect(run({ text: 'one' })).rejects.toThrow('a single token');
  await expect(run({ text: 'x'.repeat(60), chunkBytes: 16 })).rejects.toThrow('a single token');
});

test('another memory is told from that of a policy, and another model, or an adapter, has the policy of the first', () => {
  const kvPolicy = { name: 'duo-kivi', options: { recent: 64 } };
  const engine = { info: { ...modelInfo, id: 'a', kvPolicy } };
  const choices = { budget: 1e9, kv: 'streaming', kvOptions: { sinks: 4 } };
  expect([memoryOf(engine.info), memoryOf(modelInfo)]).toEqual(['duo-kivi', 'f16']);
  expect(optionsOfOther(engine, choices, { kv: 'f16' })).toEqual({ model: { stored: 'a' }, kv: 'f16', kvOptions: undefined, budget: 1e9 });
  expect(optionsOfOther(engine, choices, { model: 'b' })).toEqual({ model: { stored: 'b' }, kv: 'duo-kivi', kvOptions: { recent: 64 }, budget: 1e9 });
  const adapter = new File([], 'a.gguf');
  expect(optionsOfOther(engine, choices, { adapter, scale: 0.5 })).toEqual({
    model: { stored: 'a' }, kv: 'duo-kivi', kvOptions: { recent: 64 }, budget: 1e9, adapters: [{ source: adapter, scale: 0.5 }],
  });
  expect(optionsOfOther({ info: modelInfo }, choices, { model: 'b' })).toMatchObject({ kv: 'f16', kvOptions: undefined });
});

test('what cannot be measured is refused, with the other unloaded', async () => {
  const other = engineThat(Math.log(0.25), 'quarter');
  Object.assign(other, { distributions: async () => [Float32Array.of(0, 0, 0)] });
  await expect(run({ text: 'one two three', openOther: async () => other })).rejects.toThrow('only models of one vocabulary');
  expect(other.unloaded).toBe(1);
  await expect(run({})).rejects.toThrow('Give a text or questions');
  await expect(run({ questions: '[{ "prompt": "a b", "choices": [" c", " d"] }]', openOther: async () => other })).rejects.toThrow('Give a text');
  for (const [questions, words] of [['{', 'are no JSON'], ['[]', 'a JSON array'], ['[1]', 'a JSON array'], ['[{}]', 'The prompt of question 0']])
    await expect(run({ questions })).rejects.toThrow(words);
});
