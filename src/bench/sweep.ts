// One model at several budgets, which have to give the same tokens; and how much of the transfer reading ahead hides, against
// the loader that reads, uploads, waits and computes in turn. For `windrow bench --sweep-budget` and for bench.html.
import { type Engine, type EngineOptions, type Loaded } from '../engine/engine.ts';
import { sweepBudgets } from '../engine/measure/sweep.ts';
import { type KernelChoice } from '../model/choices/kernel-choice.ts';
import { type ByteSource } from '../gguf/source.ts';
import { type ModelSource, type StoreCost, type TransferStats } from '../protocol.ts';
import { guessedCost, kneeBytes, measureSource, readBytesFor } from '../weights/stream/cost-model.ts';
import { joinRanges, spanOf } from '../weights/stream/joined-reads.ts';
import { rangesOf } from '../weights/stream/slices.ts';
import { benchPrompt } from './prompt.ts';
import { mib, table } from './table.ts';
import { compiled } from '../model/sampling/sampler.ts';

export interface SweepOptions extends Pick<EngineOptions, 'context' | 'ramBytes' | 'f32' | 'kv' | 'kernels'> {
  promptTokens: number;
  newTokens: number;
}

interface Run {
  ids: number[];
  msPerToken: number;
  prefillTokensPerSecond: number;
  /** Per decoded token. */
  transfer: TransferStats;
}

const rounds = 3;

/** Throws if a budget or a loader gives other tokens than all weights on the GPU do. Leaves nothing loaded. */
export async function sweep(engine: Engine, source: ModelSource | ByteSource, { promptTokens, newTokens, ...given }: SweepOptions): Promise<Sweep> {
  const fixed = { ...given, context: given.context ?? Math.max(256, promptTokens + newTokens + 1) };
  await engine.load(source, { ...fixed, ramBytes: undefined });
  const loaded = engine.loaded();
  const { model: { choice, kv, sizes, graph, header, sections, layout, gpu } } = loaded;
  const opened = { graph, header, sections, layout };
  // KernelChoice found once, so that every budget computes alike.
  const chunk = Math.min(sizes.chunk, 128); // which no budget shortens
  const kernels = Object.entries({ ...choice, chunk }).filter(([name]) => name !== 'matrices').map((pair) => pair.join('=')).join();
  const prompt = benchPrompt(promptTokens, loaded);
  const load = (more: EngineOptions) => engine.load(source, { ...fixed, kernels, kv: kv.name, ...more });
  const measure = () => run(engine.loaded(), prompt, newTokens);

  const expected = (await measure()).ids;
  const check = ({ ids }: Run, what: string) => {
    if (ids.join() !== expected.join()) throw new Error(`With ${what}: tokens ${ids.join()}; with all weights on the GPU ${expected.join()}.`);
  };
  const limits = { maxBufferBytes: gpu.device.limits.maxBufferSize, maxBindingBytes: gpu.maxBindingBytes };
  const budgets: Budget[] = [];
  const cost = await readCost(engine, source);
  for (const { name, budgetBytes } of sweepBudgets(opened, { ...sizes, kv, ...limits, chunk })) {
    await load({ budgetBytes });
    await measure(); // warms up
    const measured = await measure();
    check(measured, `a budget of ${budgetBytes} bytes (${name})`);
    budgets.push({ name, budgetBytes, ...aboutLoaded(engine, cost), ...speeds(measured) });
  }
  const streaming = budgets.find(({ name }) => name === '25 %')!;
  const overlap = [await compare(load, measure, check, streaming.budgetBytes, 0)];
  const { transferMs, computeMs } = overlap[0];
  // A slower store makes transfer as long as compute.
  if (transferMs < computeMs) overlap.push(await compare(load, measure, check, streaming.budgetBytes, (computeMs - transferMs) / streaming.streamedBytes));
  await engine.unload();
  return { adapter: gpu.adapterName, choice, budgets, overlap, tokens: expected };
}

/** Medians over tokens: other work on the machine disturbs some. */
async function run({ runner, model }: Loaded, prompt: number[], newTokens: number): Promise<Run> {
  const greedy = await compiled(model.samplerFor, { seed: 0 });
  const started = performance.now();
  await runner.feed(prompt, 0);
  const ids = [(await runner.sample(greedy, prompt.length)).id];
  const prefillMs = performance.now() - started;
  const times: number[] = [];
  const transfers: TransferStats[] = [];
  for (let i = 0; i < newTokens; i++) {
    const before = runner.transfer();
    const begun = performance.now();
    ids.push((await runner.step(greedy, prompt.length + i)).id);
    times.push(performance.now() - begun);
    const after = runner.transfer();
    transfers.push(mapNumbers(after, (value, name) => value - before[name]));
  }
  return {
    ids, msPerToken: median(times), prefillTokensPerSecond: (prompt.length / prefillMs) * 1000,
    transfer: mapNumbers(transfers[0], (_, name) => median(transfers.map((t) => t[name]))),
  };
}

const mapNumbers = (stats: TransferStats, map: (value: number, name: keyof TransferStats) => number): TransferStats =>
  Object.fromEntries(Object.entries(stats).map(([name, value]) => [name, map(value as number, name as keyof TransferStats)])) as unknown as TransferStats;

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const speeds = ({ msPerToken, prefillTokensPerSecond, transfer }: Run) => ({
  decodeTokensPerSecond: 1000 / msPerToken, prefillTokensPerSecond, perToken: transfer,
  hidden: transfer.transferMs > 0 ? Math.max(0, 1 - transfer.stallMs / transfer.transferMs) : undefined,
});

/** What reads cost: as the engine measured it at its store, else measured at the file. */
async function readCost(engine: Engine, source: ModelSource | ByteSource): Promise<StoreCost | undefined> {
  const { storeCost } = engine.stats();
  if (storeCost || !('read' in source)) return storeCost;
  const { header, layout } = engine.loaded().model;
  return measureSource(source, header, layout);
}

function aboutLoaded(engine: Engine, cost: StoreCost | undefined) {
  const { plan, ledger, layout, planned: { chosen: { options } } } = engine.loaded().model;
  const ranges = plan.slices.filter(({ slot }) => slot !== undefined).flatMap((slice) => rangesOf(layout, slice));
  const reads = joinRanges(ranges, readBytesFor(options.storeCost ?? guessedCost)).map(spanOf);
  return {
    verdict: plan.verdict,
    planBytes: plan.totalBytes,
    peakBytes: ledger.peakBytes,
    keptBytes: plan.keptBytes,
    streamedBytes: plan.streamedBytes,
    slots: plan.slots,
    embedding: plan.embedding,
    /** Bytes of a read of streamed weights, and those that cost as much as the read itself (weights/cost-model.ts), once measured. */
    meanReadBytes: reads.length ? reads.reduce((sum, { length }) => sum + length, 0) / reads.length : undefined,
    kneeBytes: cost && kneeBytes(cost),
  };
}

/**
 * The plain loader and the one that reads ahead, by turns; of each the round that other work disturbed least. T and C are
 * told apart by the plain one, where they do not overlap.
 */
async function compare(
  load: (more: EngineOptions) => Promise<unknown>,
  measure: () => Promise<Run>,
  check: (run: Run, what: string) => void,
  budgetBytes: number,
  readDelay: number,
) {
  const best: Partial<Record<'naive' | 'ahead', Run>> = {};
  for (let round = 0; round < rounds; round++) {
    for (const loader of ['naive', 'ahead'] as const) {
      await load({ budgetBytes, experiment: { readDelay, loader } });
      await measure(); // warms up
      const found = await measure();
      check(found, `the loader "${loader}"`);
      if (found.msPerToken < (best[loader]?.msPerToken ?? Infinity)) best[loader] = found;
    }
  }
  const { naive, ahead } = best as Record<'naive' | 'ahead', Run>;
  const transferMs = naive.transfer.transferMs;
  const computeMs = naive.msPerToken - transferMs;
  const possible = (transferMs + computeMs) / Math.max(transferMs, computeMs);
  const gain = naive.msPerToken / ahead.msPerToken;
  return {
    readDelayMsPerMiB: readDelay * 2 ** 20,
    transferMs,
    computeMs,
    naiveMs: naive.msPerToken,
    aheadMs: ahead.msPerToken,
    possible,
    gain,
    share: gain / possible,
  };
}

export type Budget = { name: string; budgetBytes: number } & ReturnType<typeof aboutLoaded> & ReturnType<typeof speeds>;

type Overlap = Awaited<ReturnType<typeof compare>>;

export interface Sweep {
  adapter: string;
  choice: KernelChoice;
  budgets: Budget[];
  overlap: Overlap[];
  tokens: number[];
}

export const sweepText = ({ budgets, overlap }: Sweep): string => [...budgetTable(budgets), '', ...overlapTable(overlap)].join('\n');

function budgetTable(budgets: Budget[]): string[] {
  const rows = budgets.map((b) => [
    b.name,
    mib(b.budgetBytes),
    mib(b.planBytes),
    mib(b.peakBytes),
    mib(b.keptBytes),
    b.decodeTokensPerSecond.toFixed(2),
    b.prefillTokensPerSecond.toFixed(2),
    mib(b.perToken.uploadedBytes),
    mib(b.perToken.storeBytes),
    mib(b.perToken.memoryBytes),
    b.hidden === undefined ? '' : `${(100 * b.hidden).toFixed(0)} %`,
    b.perToken.stalls.toFixed(1),
    b.perToken.stallMs.toFixed(1),
    b.meanReadBytes === undefined ? '' : mib(b.meanReadBytes),
    b.kneeBytes === undefined ? '' : mib(b.kneeBytes),
  ]);
  return table(
    [
      'weights',
      'budget MiB',
      'plan',
      'peak',
      'stay',
      'decode/s',
      'prefill/s',
      'uploaded/token',
      'from store',
      'from memory',
      'hidden',
      'stalls',
      'ms',
      'read MiB',
      'knee',
    ],
    rows,
  );
}

function overlapTable(overlap: Overlap[]): string[] {
  const rows = overlap.map((o) => [
    o.readDelayMsPerMiB.toFixed(2),
    o.transferMs.toFixed(1),
    o.computeMs.toFixed(1),
    o.naiveMs.toFixed(1),
    o.aheadMs.toFixed(1),
    o.possible.toFixed(2),
    o.gain.toFixed(2),
    `${(100 * o.share).toFixed(0)} %`,
  ]);
  return table(['delay ms/MiB', 'T ms', 'C ms', 'in turn ms', 'ahead ms', '(T+C)/max', 'gain', 'share'], rows);
}

