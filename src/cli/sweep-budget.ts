// windrow bench --sweep-budget: one model at several budgets, which have to give the same tokens; and how much of the
// transfer reading ahead hides, against the loader that reads, uploads, waits and computes in turn.
import { type Engine, type EngineOptions, type Loaded } from '../engine/engine.ts';
import { sweepBudgets } from '../engine/sweep.ts';
import { createNodeEngine } from '../node.ts';
import { type TransferStats } from '../protocol.ts';
import { openFileSource } from '../weights/file-source.ts';
import { benchPrompt } from './bench.ts';
import { type ModelFlags, deviceOptions } from './options.ts';
import { type Result } from './result.ts';

interface Flags extends ModelFlags {
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
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

export async function sweepBudget(path: string, flags: Flags): Promise<Result> {
  const { promptTokens, newTokens } = flags;
  const context = flags.context ?? Math.max(256, promptTokens + newTokens + 1);
  const engine = await createNodeEngine({ deviceOptions: deviceOptions(flags) });
  const source = await openFileSource(path);
  await engine.load(source, { context, f32: flags.f32, variant: flags.variant });
  const { model: { options, graph, header, layout, gpu }, text } = engine.loaded();
  const opened = { graph, header, layout };
  // Shapes found once, so that every budget computes alike.
  const variant = Object.entries(options.shapes).map((pair) => pair.join('=')).join();
  const prompt = benchPrompt(promptTokens, graph.config.vocab, text?.tokenizer.encode.bind(text.tokenizer));
  const load = (more: EngineOptions) => engine.load(source, { context, f32: flags.f32, ramBytes: flags.ram, variant, ...more });
  const measure = () => run(engine.loaded(), prompt, newTokens);

  const expected = (await measure()).ids;
  const check = ({ ids }: Run, what: string) => {
    if (ids.join() !== expected.join()) throw new Error(`With ${what}: tokens ${ids.join()}; with all weights on the GPU ${expected.join()}.`);
  };
  const limits = { maxBufferBytes: gpu.device.limits.maxBufferSize, maxBindingBytes: gpu.maxBindingBytes };
  const budgets: Budget[] = [];
  for (const { name, budgetBytes } of sweepBudgets(opened, { ...options, ...limits, cache: options.shapes.cache })) {
    await load({ budgetBytes });
    await measure(); // warms up
    const measured = await measure();
    check(measured, `a budget of ${budgetBytes} bytes (${name})`);
    budgets.push({ name, budgetBytes, ...aboutLoaded(engine), ...speeds(measured) });
  }
  const streaming = budgets.find(({ name }) => name === '25 %')!;
  const overlap = [await compare(load, measure, check, streaming.budgetBytes, 0)];
  const { transferMs, computeMs } = overlap[0];
  // A slower store makes transfer as long as compute.
  if (transferMs < computeMs) overlap.push(await compare(load, measure, check, streaming.budgetBytes, (computeMs - transferMs) / streaming.streamedBytes));
  await engine.unload();
  await source.close();
  return { json: { adapter: gpu.adapterName, shapes: options.shapes, budgets, overlap, tokens: expected }, text: [...budgetTable(budgets), '', ...overlapTable(overlap)].join('\n') };
}

/** Medians over tokens: other work on the machine disturbs some. */
async function run({ runner, model }: Loaded, prompt: number[], newTokens: number): Promise<Run> {
  const greedy = model.sampler.choose({ seed: 0 });
  const started = performance.now();
  await runner.feed(prompt, 0);
  const ids = [await runner.sample(greedy, prompt.length)];
  const prefillMs = performance.now() - started;
  const times: number[] = [];
  const transfers: TransferStats[] = [];
  for (let i = 0; i < newTokens; i++) {
    const before = runner.transfer();
    const begun = performance.now();
    ids.push(await runner.step(greedy, prompt.length + i));
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

function aboutLoaded(engine: Engine) {
  const { plan, ledger } = engine.loaded().model;
  return { verdict: plan.verdict, planBytes: plan.totalBytes, peakBytes: ledger.peakBytes, keptBytes: plan.keptBytes, streamedBytes: plan.streamedBytes, slots: plan.slots, embedding: plan.embedding };
}

/**
 * The plain loader and the one that reads ahead, by turns; of each the round that other work disturbed least. T and C are
 * told apart by the plain one, where they do not overlap.
 */
async function compare(load: (more: EngineOptions) => Promise<unknown>, measure: () => Promise<Run>, check: (run: Run, what: string) => void, budgetBytes: number, readDelay: number) {
  const best: Partial<Record<'naive' | 'ahead', Run>> = {};
  for (let round = 0; round < rounds; round++) {
    for (const loader of ['naive', 'ahead'] as const) {
      await load({ budgetBytes, readDelay, loader });
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
  return { readDelayMsPerMiB: readDelay * 2 ** 20, transferMs, computeMs, naiveMs: naive.msPerToken, aheadMs: ahead.msPerToken, possible, gain, share: gain / possible };
}

type Budget = { name: string; budgetBytes: number } & ReturnType<typeof aboutLoaded> & ReturnType<typeof speeds>;

function budgetTable(budgets: Budget[]): string[] {
  const rows = budgets.map((b) => [
    b.name, mib(b.budgetBytes), mib(b.planBytes), mib(b.peakBytes), mib(b.keptBytes), b.decodeTokensPerSecond.toFixed(2), b.prefillTokensPerSecond.toFixed(2),
    mib(b.perToken.uploadedBytes), mib(b.perToken.storeBytes), mib(b.perToken.memoryBytes), b.hidden === undefined ? '' : `${(100 * b.hidden).toFixed(0)} %`, b.perToken.stalls.toFixed(1), b.perToken.stallMs.toFixed(1),
  ]);
  return table(['weights', 'budget MiB', 'plan', 'peak', 'stay', 'decode/s', 'prefill/s', 'uploaded/token', 'from store', 'from memory', 'hidden', 'stalls', 'ms'], rows);
}

function overlapTable(overlap: Awaited<ReturnType<typeof compare>>[]): string[] {
  const rows = overlap.map((o) => [o.readDelayMsPerMiB.toFixed(2), o.transferMs.toFixed(1), o.computeMs.toFixed(1), o.naiveMs.toFixed(1), o.aheadMs.toFixed(1), o.possible.toFixed(2), o.gain.toFixed(2), `${(100 * o.share).toFixed(0)} %`]);
  return table(['delay ms/MiB', 'T ms', 'C ms', 'in turn ms', 'ahead ms', '(T+C)/max', 'gain', 'share'], rows);
}

function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  return [head, ...rows].map((row) => row.map((cell, i) => cell.padStart(widths[i])).join('  '));
}
