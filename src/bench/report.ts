// The whole benchmark of one model on one device, as plain data for JSON: what `windrow bench` and bench.html both run. Some of
// its parts follow papers on how to measure: `realised`, bytes with speed and fidelity together ("KV Cache Quantization for
// Self-Forcing Video Generation"); `predicted` beside achieved ("A Theoretical Peak Performance Analysis"); `launch`, the host's
// time beside the GPU's (SKIP and TKLQT); `efficiency`, six metrics (EfficientLLM).
import { type Engine, type EngineOptions } from '../engine/engine.ts';
import { type Plan } from '../engine/load/plan/plan.ts';
import { type KernelChoice } from '../model/kernel-choice.ts';
import { type ContextSpeed, type Growth, growthOf, measureContexts, promptCost, tokenCost } from './contexts.ts';
import { type Counts } from './count-calls.ts';
import { type Fidelity, measureFidelity } from './fidelity.ts';
import { type RunHooks, checkRepeats, gpuBoundFrom, runOnce } from './generation.ts';
import { type KernelSpeed, measureKernels } from './kernels.ts';
import { type Peak, measurePeak } from './peak.ts';
import { benchPrompt } from './prompt.ts';
import { verifyKernels, verifyTokens } from './verify.ts';

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

export interface BenchReport {
  adapter: string;
  /** Where it ran: Node and Dawn's flags, or the browser. */
  host: string;
  /** A rasteriser on the CPU stands in for a GPU. */
  software: boolean;
  model: { name: string; architecture: string; parameters: number; fileBytes: number; context: number };
  choice: KernelChoice;
  /** What the budget came to: `streams` means that `streamedBytes` of weights go to the GPU again for every token. */
  plan: Pick<Plan, 'verdict' | 'totalBytes' | 'keptBytes' | 'streamedBytes' | 'embedding'> & { budgetBytes: number };
  loadMs: number;
  peak: Peak;
  promptTokens: number;
  newTokens: number;
  tokens: number[];
  prefillTokensPerSecond: number;
  decodeTokensPerSecond: number;
  decodeMsPerToken: number;
  firstTokenMs: number;
  /** Shares of the device's peak. */
  decode: { bytesPerToken: number; bytesPerSecond: number; ofCopy: number; flopsPerSecond: number; ofFma: number };
  prefill: { flops: number; flopsPerSecond: number; ofFma: number };
  /** Which of these shares are more than the device's peak as it was measured, so that the peak, or the share, is doubtful. */
  doubtful: string[];
  /** Calls per decoded token, submits of the prompt not counted. */
  perToken: Counts;
  hostMsPerToken: number;
  /** Of this process, in seconds of one core; undefined where a browser does not tell. */
  cpuMsPerToken?: number;
  gpuBytesPeak: number;
  contexts: ContextSpeed[];
  leftOut: { context: number; seconds: number }[];
  growth?: Growth;
  kernels: KernelSpeed[];
  /** How kernels were timed. */
  timedBy?: 'timestamps' | 'submit';
  realised: { plannedBytes: number; peakBytes: number; kv: string; decodeTokensPerSecond: number; fidelity?: Fidelity };
  launch: { dispatchesPerToken: number; hostMsPerToken: number; gpuMsPerToken?: number; gpuBoundFromTokens?: number };
  efficiency: {
    memoryUtilisation: number; computeUtilisation: number; latencyMs: number; tokensPerSecond: number;
    /** A proxy: no browser measures energy. */
    cpuSecondsPerToken: number | 'not measurable';
    bytesPerWeight: number; ofF16: number;
  };
  /** Every timed output was checked; a wrong one is an error instead of a report. */
  checked: { selfTests: number; tokens: number; expected: number; contexts: number; kernels: number; rows: number };
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
  const { promptTokens, newTokens, quick } = options;
  const say = host.onProgress ?? (() => {});
  const started = performance.now();
  await load({});
  const loadMs = performance.now() - started;
  const loaded = engine.loaded();
  const { model, info } = loaded;
  const { config } = model.graph;
  const prompt = benchPrompt(promptTokens, loaded);
  say(`The model is loaded on ${model.gpu.adapterName}; its kernels are tested.`);
  const selfTests = await verifyKernels(model);
  say('A first run warms up.');
  const first = await runOnce(loaded, prompt, newTokens);
  const second = await runOnce(loaded, prompt, newTokens, host);
  checkRepeats(second.ids, first.ids);
  verifyTokens(second.ids, options.expect ?? []);
  const gpuBytesPeak = model.ledger.peakBytes;
  say('The peak of the device.');
  const peak = await measurePeak(model.gpu.device, { mostBytes: model.ledger.budgetBytes - model.plan.totalBytes });
  const msPerToken = second.decodeMs / newTokens;
  const greedy = await model.samplerFor({ seed: 0 });
  const cost = tokenCost(model, greedy, promptTokens + newTokens / 2);
  const prefillFlops = promptCost(model, greedy, promptTokens).flops;
  const reached = { bytesPerSecond: (1000 * cost.bytes) / msPerToken, flopsPerSecond: (1000 * cost.flops) / msPerToken };
  const decode = {
    bytesPerToken: cost.bytes,
    ...reached,
    ofCopy: reached.bytesPerSecond / peak.copyBytesPerSecond,
    ofFma: reached.flopsPerSecond / peak.flopsPerSecond,
  };
  const prefillFlopsPerSecond = (1000 * prefillFlops) / second.prefillMs;
  const prefill = { flops: prefillFlops, flopsPerSecond: prefillFlopsPerSecond, ofFma: prefillFlopsPerSecond / peak.flopsPerSecond };

  const contexts = quick ? { contexts: [], leftOut: [] } : await contextSpeeds();
  const lengths = [...new Set([Math.max(prefillRows, promptTokens), ...contexts.contexts.map(({ context }) => context)])].sort((a, b) => a - b);
  if (!quick) say('Each kernel by itself.');
  const { kernels, by, rows } = quick
    ? { kernels: [], by: undefined, rows: 0 }
    : await measureKernels(model, peak, lengths, prefillRows, ({ mode, name, ms }) => say(`${mode} ${name}: ${ms.toFixed(2)} ms`));
  const gpuMs = kernels.filter(({ mode, step }) => mode === 'decode' && step.length === lengths[0]).reduce((sum, { ms }) => sum + ms, 0);
  const gpuBoundFromTokens = await gpuBoundFrom(loaded, prompt);
  const { verdict, totalBytes: planned, keptBytes, streamedBytes, embedding } = model.plan;
  if (!quick) say('Beside the same model in f32.');
  const fidelity = quick ? undefined : await measureFidelity(engine, load, prompt, first.ids.slice(0, fidelityTokens));

  const { byteLength } = model.layout;
  const tokensPerSecond = 1000 / msPerToken;
  const cpuMsPerToken = Number.isNaN(second.cpuDecode) ? undefined : second.cpuDecode;
  return {
    adapter: model.gpu.adapterName,
    host: host.name,
    software: model.gpu.software,
    model: { name: info.name, architecture: info.architecture, parameters: info.parameters, fileBytes: info.fileBytes, context: config.context },
    choice: model.choice,
    plan: { verdict, totalBytes: planned, keptBytes, streamedBytes, embedding, budgetBytes: model.ledger.budgetBytes },
    loadMs,
    peak,
    promptTokens,
    newTokens,
    tokens: second.ids,
    prefillTokensPerSecond: (1000 * promptTokens) / second.prefillMs,
    decodeTokensPerSecond: tokensPerSecond,
    decodeMsPerToken: msPerToken,
    firstTokenMs: second.prefillMs,
    decode,
    prefill,
    doubtful: doubtfulShares({ 'decode, of copying': decode.ofCopy, 'decode, of multiply-adds': decode.ofFma, 'prefill, of multiply-adds': prefill.ofFma }),
    perToken: second.perToken!,
    hostMsPerToken: second.hostMs / newTokens,
    cpuMsPerToken,
    gpuBytesPeak,
    ...contexts,
    growth: growthOf(contexts.contexts, peak),
    kernels,
    timedBy: by,
    realised: { plannedBytes: planned, peakBytes: gpuBytesPeak, kv: model.kv.name, decodeTokensPerSecond: tokensPerSecond, fidelity },
    launch: {
      dispatchesPerToken: second.perToken!.dispatches,
      hostMsPerToken: second.hostMs / newTokens,
      gpuMsPerToken: quick ? undefined : gpuMs,
      gpuBoundFromTokens,
    },
    efficiency: {
      memoryUtilisation: decode.ofCopy,
      computeUtilisation: decode.ofFma,
      latencyMs: msPerToken,
      tokensPerSecond,
      cpuSecondsPerToken: cpuMsPerToken === undefined ? 'not measurable' : cpuMsPerToken / 1000,
      bytesPerWeight: byteLength / info.parameters,
      ofF16: byteLength / info.parameters / 2,
    },
    checked: { selfTests, tokens: second.ids.length, expected: options.expect?.length ?? 0, contexts: contexts.contexts.length, kernels: kernels.length, rows },
  };

  async function contextSpeeds() {
    const asked = options.contexts ?? usualContexts.filter((context) => context <= model.sizes.context);
    const longest = benchPrompt(Math.max(...asked), loaded);
    return measureContexts(loaded, longest, [...asked].sort((a, b) => a - b), peak, {
      newTokens: Math.min(newTokens, 16), mostSeconds: options.contexts ? undefined : mostSeconds,
      onContext: ({ context, decodeTokensPerSecond }) => say(`Context ${context}: ${decodeTokensPerSecond.toFixed(2)} tokens/s.`),
    });
  }
}

/** The names of shares above 1. */
const doubtfulShares = (shares: Record<string, number>): string[] => Object.entries(shares).filter(([, share]) => share > 1).map(([name]) => name);
