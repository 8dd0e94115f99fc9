// The reference kernels, run over a model's graph one operation after the other, against llama.cpp and the float64
// reference: what the GPU kernels are compared with is itself compared. No GPU.
import { expect, it } from 'vitest';
import { fixture, floatsFixture, jsonFixture } from './models/fixture.ts';
import { type Watch, forward } from './models/forward.ts';
import { families, goldenLogits, recurrentFamilies } from './models/golden.ts';

const largest = (found: Float32Array, expected: Float32Array): number => {
  expect(found.length).toBe(expected.length);
  return found.reduce((worst, value, i) => Math.max(worst, Number.isNaN(value) ? Infinity : Math.abs(value - expected[i])), 0);
};

const tiny = ['llama-f16', 'llama-legacy', 'llama-k', 'llama-i', 'llama3', 'mistral', 'qwen2', 'qwen3', 'qwen3moe', 'gemma3', 'phi3'];

it.each(tiny)('the reference gives the logits of the float64 reference for tiny-%s', { timeout: 60_000 }, async (name) => {
  const { tokens24 } = jsonFixture<{ tokens24: number[] }>(`tiny/tiny-${name}.json`);
  const found = await forward(fixture(`tiny/tiny-${name}.gguf`), tokens24);
  // Only the activations between operations are f32.
  expect(largest(found, floatsFixture(`tiny/tiny-${name}.L24.ref.f32`))).toBeLessThan(1e-5);
});

it.each([...families, ...recurrentFamilies])('the reference gives the logits of $name', { timeout: 60_000 }, async ({ name, exact }) => {
  const { tokens24 } = jsonFixture<{ tokens24: number[] }>(`tiny/${name}.json`);
  // llama.cpp's own differ from the float64 reference by up to 2e-5.
  expect(largest(await forward(fixture(`tiny/${name}.gguf`), tokens24), goldenLogits(name))).toBeLessThan(exact ? 1e-5 : 3e-5);
});

it('the reference gives the same logits by single neurons of experts as by whole ones', async () => {
  const { prompt_tokens: ids } = jsonFixture<{ prompt_tokens: number[] }>('sparse/stories-smallthinker.json');
  const ofKinds: string[] = [];
  const watch: Watch = ({ op }) => void ofKinds.push(op);
  const found = await forward(fixture('sparse/stories-smallthinker.q8_0.gguf'), ids, ids.length, watch, undefined, { neurons: true });
  expect(ofKinds.filter((op) => op === 'expert-gates' || op === 'experts')).toEqual(Array.from({ length: 4 }, () => 'expert-gates'));
  expect(largest(found, floatsFixture('sparse/stories-smallthinker.prompt.ref.f32'))).toBeLessThan(1e-5);
});

it('the reference gives llama.cpp\'s logits for stories260K', async () => {
  const { prompt_ids } = jsonFixture<{ prompt_ids: number[] }>('stories260K/greedy.json');
  expect(largest(await forward(fixture('stories260K/stories260K.gguf'), prompt_ids), floatsFixture('stories260K/prompt.f32'))).toBeLessThan(1e-4);
});
