// What the benchmark of one model on one device tells, as plain data for JSON. Some of its parts follow papers on how to measure:
// `realised`, bytes with speed and fidelity together ("KV Cache Quantization for Self-Forcing Video Generation"); `predicted` beside
// achieved ("A Theoretical Peak Performance Analysis"); `launch`, the host's time beside the GPU's (SKIP and TKLQT); `efficiency`,
// six metrics (EfficientLLM).
import { type Loaded } from '../engine/engine.ts';
import { type Plan } from '../engine/load/plan/plan.ts';
import { type KernelChoice } from '../model/choices/kernel-choice.ts';
import { type ContextSpeed, type Growth, growthOf } from './contexts.ts';
import { type Counts } from './count-calls.ts';
import { type Fidelity } from './fidelity.ts';
import { type Run } from './generation.ts';
import { type KernelSpeed } from './kernels.ts';
import { type Peak } from './peak.ts';

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

/** What was measured of a loaded model. */
export interface Measured {
  /** Where it ran. */
  host: string;
  loadMs: number;
  promptTokens: number;
  newTokens: number;
  run: Run;
  gpuBytesPeak: number;
  peak: Peak;
  /** Bytes and operations of a token of the answer, and operations of the prompt. */
  cost: { bytes: number; flops: number; promptFlops: number };
  contexts: Pick<BenchReport, 'contexts' | 'leftOut'>;
  kernels: KernelSpeed[];
  timedBy: BenchReport['timedBy'];
  /** Of the decoding kernels at the shortest length; undefined where kernels were not timed. */
  gpuMsPerToken?: number;
  gpuBoundFromTokens?: number;
  fidelity?: Fidelity;
  checked: BenchReport['checked'];
}

/** Writes up what was measured. */
export function reportOf({ model, info }: Loaded, measured: Measured): BenchReport {
  const { host, loadMs, promptTokens, newTokens, run, gpuBytesPeak, peak, contexts, kernels, timedBy, gpuMsPerToken, gpuBoundFromTokens, fidelity } = measured;
  const { plan, gpu } = model;
  const decodeMsPerToken = run.decodeMs / newTokens;
  const decodeTokensPerSecond = 1000 / decodeMsPerToken;
  const hostMsPerToken = run.hostMs / newTokens;
  const { decode, prefill } = sharesOfPeak(measured);
  return {
    adapter: gpu.adapterName,
    host,
    software: gpu.software,
    model: {
      name: info.name, architecture: info.architecture, parameters: info.parameters, fileBytes: info.fileBytes, context: model.graph.config.context,
    },
    choice: model.choice,
    plan: {
      verdict: plan.verdict, totalBytes: plan.totalBytes, keptBytes: plan.keptBytes, streamedBytes: plan.streamedBytes, embedding: plan.embedding,
      budgetBytes: model.ledger.budgetBytes,
    },
    loadMs, peak, promptTokens, newTokens,
    tokens: run.ids,
    prefillTokensPerSecond: (1000 * promptTokens) / run.prefillMs,
    decodeTokensPerSecond, decodeMsPerToken,
    firstTokenMs: run.prefillMs,
    decode, prefill,
    doubtful: doubtfulShares({ 'decode, of copying': decode.ofCopy, 'decode, of multiply-adds': decode.ofFma, 'prefill, of multiply-adds': prefill.ofFma }),
    perToken: run.perToken!,
    hostMsPerToken,
    cpuMsPerToken: cpuMsOf(run),
    gpuBytesPeak,
    ...contexts,
    growth: growthOf(contexts.contexts, peak),
    kernels, timedBy,
    realised: { plannedBytes: plan.totalBytes, peakBytes: gpuBytesPeak, kv: model.kv.name, decodeTokensPerSecond, fidelity },
    launch: { dispatchesPerToken: run.perToken!.dispatches, hostMsPerToken, gpuMsPerToken, gpuBoundFromTokens },
    efficiency: efficiencyOf(run, decode, decodeMsPerToken, model.layout.byteLength / info.parameters),
    checked: measured.checked,
  };
}

/** Undefined where it is not told. */
const cpuMsOf = ({ cpuDecode }: Run): number | undefined => (Number.isNaN(cpuDecode) ? undefined : cpuDecode);

function sharesOfPeak({ run, newTokens, peak, cost }: Measured): Pick<BenchReport, 'decode' | 'prefill'> {
  const msPerToken = run.decodeMs / newTokens;
  const bytesPerSecond = (1000 * cost.bytes) / msPerToken;
  const flopsPerSecond = (1000 * cost.flops) / msPerToken;
  const promptFlopsPerSecond = (1000 * cost.promptFlops) / run.prefillMs;
  return {
    decode: {
      bytesPerToken: cost.bytes, bytesPerSecond, flopsPerSecond, ofCopy: bytesPerSecond / peak.copyBytesPerSecond, ofFma: flopsPerSecond / peak.flopsPerSecond,
    },
    prefill: { flops: cost.promptFlops, flopsPerSecond: promptFlopsPerSecond, ofFma: promptFlopsPerSecond / peak.flopsPerSecond },
  };
}

function efficiencyOf(run: Run, decode: BenchReport['decode'], msPerToken: number, bytesPerWeight: number): BenchReport['efficiency'] {
  const cpuMs = cpuMsOf(run);
  return {
    memoryUtilisation: decode.ofCopy,
    computeUtilisation: decode.ofFma,
    latencyMs: msPerToken,
    tokensPerSecond: 1000 / msPerToken,
    cpuSecondsPerToken: cpuMs === undefined ? 'not measurable' : cpuMs / 1000,
    bytesPerWeight,
    ofF16: bytesPerWeight / 2,
  };
}

/** The names of shares above 1. */
const doubtfulShares = (shares: Record<string, number>): string[] => Object.entries(shares).filter(([, share]) => share > 1).map(([name]) => name);
