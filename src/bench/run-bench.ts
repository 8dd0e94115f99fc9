// The whole benchmark of one model on one device: what `windrow bench` and bench.html both run.
import { type Engine, type EngineOptions, type Loaded } from '../engine/engine.ts';
import { measureContexts, promptCost, tokenCost } from './contexts.ts';
import { measureFidelity } from './fidelity.ts';
import { type RunHooks, checkRepeats, gpuBoundFrom, runOnce } from './generation.ts';
import { measureKernels } from './kernels.ts';
import { type Peak, measurePeak } from './peak.ts';
import { benchPrompt } from './prompt.ts';
import { type BenchReport, reportOf } from './report.ts';
import { verifyKernels, verifyTokens } from './verify.ts';
import { RequestError } from '../errors.ts';
import { isPolicy } from '../kv/policies/names.ts';
import { compiled } from '../model/sampling/sampler.ts';

export interface BenchOptions {
  promptTokens: number;
  newTokens: number;
  /** Default: 128, 512, 1024 and 2048, as far as the model goes and each takes a minute at most. */
  contexts?: number[];
  /** Only one prompt and its answer: no contexts, kernels or fidelity. */
  quick?: boolean;
  /** What the first tokens have to be, as another engine or an earlier run gave them. */
  expect?: number[];
}

export interface BenchHost extends Required<Pick<RunHooks, 'calls'>>, Pick<RunHooks, 'cpuMs'> {
  name: string;
  onProgress?: (text: string) => void;
}

const usualContexts = [128, 512, 1024, 2048];
const mostSeconds = 60;
const prefillRows = 64;
const fidelityTokens = 8;

/** Positions that the options need; RequestError of the engine if the model has fewer. */
export const contextFor = ({ promptTokens, newTokens, contexts = [], quick }: BenchOptions, most: number): number =>
  Math.min(
    most,
    Math.max(
      512,
      promptTokens + newTokens + 2,
      ...(quick ? [] : [...contexts, ...(contexts.length ? [] : usualContexts)].map((context) => context + newTokens + 2)),
    ),
  );

/** `load` loads the model with more options. Throws if any timed output is wrong. */
export async function runBench(engine: Engine, load: (more: EngineOptions) => Promise<unknown>, options: BenchOptions, host: BenchHost): Promise<BenchReport> {
  const { promptTokens, newTokens, quick, expect = [] } = options;
  const say = host.onProgress ?? (() => {});
  const started = performance.now();
  await load({});
  const loadMs = performance.now() - started;
  const loaded = engine.loaded();
  const { model } = loaded;
  const prompt = benchPrompt(promptTokens, loaded);
  say(`The model is loaded on ${model.gpu.adapterName}; its kernels are tested.`);
  const selfTests = await verifyKernels(model);
  say('A first run warms up.');
  const first = await runOnce(loaded, prompt, newTokens);
  const run = await runOnce(loaded, prompt, newTokens, host);
  checkRepeats(run.ids, first.ids);
  verifyTokens(run.ids, expect);
  const gpuBytesPeak = model.ledger.peakBytes;
  say('The peak of the device.');
  const peak = await measurePeak(model.gpu.device, { mostBytes: model.ledger.budgetBytes - model.plan.totalBytes });
  const greedy = await compiled(model.samplerFor, { seed: 0 });
  const cost = { ...tokenCost(model, greedy, promptTokens + newTokens / 2), promptFlops: promptCost(model, greedy, promptTokens).flops };

  const contexts = quick ? { contexts: [], leftOut: [] } : await contextSpeeds(loaded, options, peak, say);
  const lengths = [...new Set([Math.max(prefillRows, promptTokens), ...contexts.contexts.map(({ context }) => context)])].sort((a, b) => a - b);
  if (!quick) say('Each kernel by itself.');
  const { kernels, by, rows } = quick
    ? { kernels: [], by: undefined, rows: 0 }
    : await measureKernels(model, peak, lengths, prefillRows, ({ mode, name, ms }) => say(`${mode} ${name}: ${ms.toFixed(2)} ms`));
  const gpuMs = kernels.filter(({ mode, step }) => mode === 'decode' && step.length === lengths[0]).reduce((sum, { ms }) => sum + ms, 0);
  const gpuBoundFromTokens = await gpuBoundFrom(loaded, prompt);
  if (!quick) say('Beside the same model in f32.');
  const fidelity = quick ? undefined : await measureFidelity(engine, load, prompt, first.ids.slice(0, fidelityTokens));
  return reportOf(loaded, {
    host: host.name,
    loadMs, promptTokens, newTokens, run, gpuBytesPeak, peak, cost, contexts, kernels,
    timedBy: by,
    gpuMsPerToken: quick ? undefined : gpuMs,
    gpuBoundFromTokens, fidelity,
    checked: { selfTests, tokens: run.ids.length, expected: expect.length, contexts: contexts.contexts.length, kernels: kernels.length, rows },
  });
}

/** What a token reads is reckoned from its position, and a policy has it read something else. RequestError for one. */
export function checkFormat(kv: string | undefined): void {
  if (kv === undefined || !isPolicy(kv)) return;
  throw new RequestError(
    `The benchmark reckons what a token reads from its position, and kv ${kv} shapes keys and values as it goes. Name a format (f32, f16, q8) as kv, or ` +
    'compare policies by `windrow kv`.',
  );
}

function contextSpeeds(loaded: Loaded, { contexts, newTokens }: BenchOptions, peak: Peak, say: (text: string) => void) {
  const asked = contexts ?? usualContexts.filter((context) => context <= loaded.model.sizes.context);
  const longest = benchPrompt(Math.max(...asked), loaded);
  return measureContexts(loaded, longest, [...asked].sort((a, b) => a - b), peak, {
    newTokens: Math.min(newTokens, 16), mostSeconds: contexts ? undefined : mostSeconds,
    onContext: ({ context, decodeTokensPerSecond }) => say(`Context ${context}: ${decodeTokensPerSecond.toFixed(2)} tokens/s.`),
  });
}
