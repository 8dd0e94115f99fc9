// Speed of several answers at once beside that of one, with all weights on the GPU and with a quarter of them. For `windrow bench
// --sequences`.
import { type Engine, type EngineOptions, type Loaded } from '../engine/engine.ts';
import { type Answering } from '../engine/run/answer/choose.ts';
import { sweepBudgets } from '../engine/measure/sweep.ts';
import { benchPrompt } from './prompt.ts';
import { mib, table } from './table.ts';

export interface TogetherOptions {
  sequences: number;
  promptTokens: number;
  newTokens: number;
  /** One budget in place of those of all weights and a quarter of them. */
  budgetBytes?: number;
}

interface Run {
  /** Of each sequence, after the first token. */
  ids: number[][];
  tokensPerSecond: number;
  /** Of weights, for each step. */
  uploadedBytes: number;
}

export interface Together {
  adapter: string;
  sequences: number;
  rows: {
    name: string;
    budgetBytes: number;
    streamedBytes: number;
    one: Omit<Run, 'ids'>;
    several: Omit<Run, 'ids'>;
    /** Tokens per second in all, as times that of one. */
    gain: number;
    /** Tokens that every sequence has in common with what it says alone: kernels for few rows sum in another order. */
    sameTokens: number;
  }[];
}

const rounds = 3;

/** `load` loads the model with room for the sequences. */
export async function measureTogether(
  engine: Engine,
  load: (more: EngineOptions) => Promise<unknown>,
  { sequences, promptTokens, newTokens, budgetBytes }: TogetherOptions,
): Promise<Together> {
  await load({});
  const {
    opened,
    model: { choice, sizes, kv, gpu },
  } = engine.loaded();
  const limits = { maxBufferBytes: gpu.device.limits.maxBufferSize, maxBindingBytes: gpu.maxBindingBytes };
  const budgets =
    budgetBytes === undefined
      ? sweepBudgets(opened, { ...sizes, ...limits, kv, sequences }).filter(({ name }) => name === '100 %' || name === '25 %')
      : [{ name: 'as given', budgetBytes }];
  const rows: Together['rows'] = [];
  for (const budget of budgets) {
    await load({ choice, budgetBytes: budget.budgetBytes });
    rows.push({ ...budget, ...(await compare(engine.loaded(), sequences, promptTokens, newTokens)) });
  }
  return { adapter: gpu.adapterName, sequences, rows };
}

/** One and several by turns: medians, since other work on the machine slows some rounds down. */
async function compare(
  loaded: Loaded,
  sequences: number,
  promptTokens: number,
  newTokens: number,
): Promise<Omit<Together['rows'][number], 'name' | 'budgetBytes'>> {
  const prompts = Array.from({ length: sequences }, (_, i) => benchPrompt(promptTokens + i, loaded).slice(i));
  const alone: number[][] = [];
  for (const prompt of prompts) alone.push(...(await run(loaded, [prompt], newTokens)).ids);
  await run(loaded, prompts, newTokens); // warms up
  const measured: { one: Run; several: Run }[] = [];
  for (let round = 0; round < rounds; round++)
    measured.push({ one: await run(loaded, prompts.slice(0, 1), newTokens), several: await run(loaded, prompts, newTokens) });
  const [one, several] = (['one', 'several'] as const).map((which) => {
    const runs = measured.map((each) => each[which]).sort((a, b) => a.tokensPerSecond - b.tokensPerSecond);
    const { tokensPerSecond, uploadedBytes } = runs[rounds >> 1];
    return { tokensPerSecond, uploadedBytes };
  });
  const { ids } = measured[0].several;
  const sameTokens = Math.min(...ids.map((made, i) => [...made, -1].findIndex((id, at) => id !== alone[i][at])));
  return { streamedBytes: loaded.model.plan.streamedBytes, one, several, gain: several.tokensPerSecond / one.tokensPerSecond, sameTokens };
}

async function run({ model, runner }: Loaded, prompts: readonly number[][], newTokens: number): Promise<Run> {
  const answering: Answering[] = [];
  const ids: number[][] = prompts.map(() => []);
  try {
    for (const prompt of prompts) {
      const sequence = model.createSequence();
      const sampler = await model.samplerFor({ seed: 0 });
      answering.push({ sequence, sampler, length: prompt.length + 1 });
      await runner.of(sequence).feed(prompt, 0);
      await runner.of(sequence).sample(sampler, prompt.length);
    }
    const { uploadedBytes } = runner.transfer();
    const started = performance.now();
    let steps = 0;
    while (steps < newTokens) {
      const { count, tokens } = await runner.decode(answering, newTokens - steps);
      (await Promise.all(tokens)).forEach((made, i) => ids[i].push(...made.map(({ id }) => id)));
      for (const each of answering) each.length += count;
      steps += count;
    }
    const seconds = (performance.now() - started) / 1000;
    return { ids, tokensPerSecond: (prompts.length * newTokens) / seconds, uploadedBytes: (runner.transfer().uploadedBytes - uploadedBytes) / newTokens };
  } finally {
    for (const { sequence } of answering) sequence.close();
  }
}

export const togetherText = ({ adapter, sequences, rows }: Together): string => [
  `${adapter}: ${sequences} answers at once`,
  ...table(
    ['weights', 'budget MiB', 'streamed MiB', 'one tokens/s', `${sequences} in all`, 'gain', 'uploaded/step of one', 'of all', 'same tokens'],
    rows.map((row) => [
      row.name, mib(row.budgetBytes), mib(row.streamedBytes), row.one.tokensPerSecond.toFixed(2), row.several.tokensPerSecond.toFixed(2), row.gain.toFixed(2),
      mib(row.one.uploadedBytes), mib(row.several.uploadedBytes), String(row.sameTokens),
    ]),
  ),
].join('\n');
