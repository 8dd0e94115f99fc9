// How far the logits of a loaded tiny model are from the golden ones.
import { type LoadedModel } from '../../src/engine/load/load.ts';
import { type Runner, createRunner } from '../../src/engine/run/runner.ts';
import { floatsFixture, hasFixture, jsonFixture } from './fixture.ts';

/** Tiny models of families beyond the first ten. `exact`: its golden logits are of the float64 reference, else llama.cpp's, within 2e-5 of it. */
export const families = [
  'smollm3', 'granite', 'olmo2', 'gemma2', 'arcee', 'mistral3', 'hunyuan-dense', 'ernie4_5', 'exaone4', 'cohere2', 'glm4', 'apertus', 'qwen3vl',
  'smallthinker', 'olmoe', 'granitemoe', 'ernie4_5-moe', 'glm4moe', 'bailingmoe2', 'gpt-oss', 'gemma4', 'deepseek2',
].map((family) => ofFamily(family)).concat(ofFamily('gemma4', 'tiny-gemma4-moe'), ofFamily('deepseek2', 'tiny-deepseek2-yarn'))
  .concat(ofFamily('llama', 'tiny-mixtral'), ofFamily('llama', 'tiny-llama-relu'));

/** Those whose layers, some of them or all, keep a state in place of keys and values. */
export const recurrentFamilies = [
  ...['lfm2', 'lfm2moe', 'mamba2', 'granitehybrid', 'falcon-h1', 'nemotron_h', 'qwen35', 'qwen35moe', 'qwen3next', 'rwkv7'].map((family) => ofFamily(family)),
  ofFamily('granitehybrid', 'tiny-granitehybrid-moe'),
];

function ofFamily(family: string, name = `tiny-${family}`): { family: string; name: string; exact: boolean } {
  return { family, name, exact: hasFixture(exactPath(name)) };
}

/** (24, vocab) after every position of `tokens24`. */
export const goldenLogits = (name: string): Float32Array => floatsFixture(hasFixture(exactPath(name)) ? exactPath(name) : `tiny/${name}.L24.f32`);

function exactPath(name: string): string {
  return `tiny/${name}.L24.ref.f32`;
}

/** Where the best token leads by less, another one may rightly be chosen, and what follows cannot be compared: twice what logits may be off by. */
const leastMargin = (name: string): number => (name.includes('gemma') ? 1e-2 : 2e-3); // llama.cpp has Gemma's GELU from a table of f16

/** Greedy tokens behind the first `position` ones, which were just run, and the golden ones: as many as are asked for and were clearly the best. */
export async function greedyTokens(
  name: string, model: LoadedModel, runner: Runner, position: number, golden: { tokens: readonly number[]; margins: readonly number[] }, most = Infinity,
): Promise<{ found: number[]; golden: number[] }> {
  const open = golden.margins.findIndex((margin) => margin < leastMargin(name));
  const wanted = golden.tokens.slice(0, Math.min(most, open < 0 ? golden.tokens.length : open));
  const greedy = await model.samplerFor({ seed: 0 });
  const found: number[] = [];
  while (found.length < wanted.length) {
    const next = found.length ? runner.step(greedy, position + found.length - 1) : runner.sample(greedy, position);
    found.push((await next).id);
  }
  return { found, golden: wanted };
}

export interface Errors {
  prefill: number;
  decode: number;
}

/** Largest errors of the logits of 24 tokens, all by prefill in steps of so many, and of the last after 10 by prefill and 14 one at a time. */
export async function errorsOf(model: LoadedModel, name: string, steps = [24]): Promise<Errors> {
  const { tokens24 } = jsonFixture<{ tokens24: number[] }>(`tiny/${name}.json`);
  const golden = floatsFixture(`tiny/${name}.L24.ref.f32`);
  const runner = createRunner(model);
  const largest = (found: Float32Array, wanted: Float32Array) =>
    found.reduce((worst, v, i) => Math.max(worst, Number.isNaN(v) ? Infinity : Math.abs(v - wanted[i])), 0);
  const { vocab } = model.graph.config;
  const errors = { prefill: 0, decode: Infinity };
  let fed = 0;
  for (const count of steps) {
    const wanted = golden.subarray(fed * vocab, (fed + count) * vocab);
    await runner.feedAll(
      tokens24.slice(fed, fed + count),
      fed,
      (logits, rows) => (errors.prefill = rows === count ? Math.max(errors.prefill, largest(logits, wanted)) : Infinity),
    );
    fed += count;
  }
  if (fed !== 24) throw new Error(`The steps are of ${fed} tokens; the golden logits are of 24.`);
  await runner.feed(tokens24.slice(0, 10), 0);
  for (let position = 10; position < 24; position++) await runner.feed(tokens24.slice(position, position + 1), position);
  errors.decode = largest(await runner.readLogits(), golden.subarray(-vocab));
  return errors;
}
