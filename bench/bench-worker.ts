// Hosts the engine for bench.html: loads, measures and checks in a worker, as the chat page's engine runs in one.
import { expose } from 'comlink';
import { RequestError } from '../src/errors.ts';
import { createEngine, type EngineOptions, type Host } from '../src/engine/engine.ts';
import { previewModel } from '../src/engine/load/preview.ts';
import { type ModelSource, type StoredModel } from '../src/protocol.ts';
import { openRecords } from '../src/weights/store/records.ts';
import { openStore } from '../src/weights/store/store.ts';
import { countCalls } from '../src/bench/count-calls.ts';
import { type NamedRow } from '../src/bench/memory/table.ts';
import { type BenchReport } from '../src/bench/report.ts';
import { type BenchOptions, checkFormat, contextFor, runBench } from '../src/bench/run-bench.ts';
import { reportText } from '../src/bench/report-text.ts';
import { type Sweep, sweep, sweepText } from '../src/bench/sweep.ts';
import { type MemoryRequest } from './memory-worker.ts';

export interface PageOptions extends BenchOptions {
  /** Also at several budgets, against each other. */
  sweep?: boolean;
  load: Pick<EngineOptions, 'f32' | 'kernels' | 'kv' | 'budgetBytes' | 'experiment'>;
}

export interface PageResult {
  report: BenchReport;
  sweep?: Sweep;
  text: string;
}

export interface BenchWorker {
  models(): Promise<StoredModel[]>;
  /** Progress goes through `port` as lines of text. */
  run(source: ModelSource, options: PageOptions, port: MessagePort): Promise<PageResult>;
  /** What it remembers under policies: news go through `port`, and a message through it stops the measurement. */
  memory(source: ModelSource, request: MemoryRequest, port: MessagePort): Promise<NamedRow[]>;
  forgetMemory(source: ModelSource, request: MemoryRequest): Promise<void>;
}

const host: Host = {
  gpu: navigator.gpu, store: openStore(), locks: navigator.locks, estimate: () => navigator.storage.estimate(), tuning: openRecords('windrow-tuning'),
  costs: openRecords('windrow-store-cost'),
  scratch: async () => (await import('../src/weights/store/scratch-file.ts')).openScratchFile(navigator.locks),
};
const engine = createEngine(host);

async function run(source: ModelSource, options: PageOptions, port: MessagePort): Promise<PageResult> {
  checkFormat(options.load.kv);
  const { context: most } = await previewModel(host, source, {});
  const load = (more: EngineOptions) => engine.load(source, { context: contextFor(options, most), ...options.load, ...more });
  const report = await runBench(engine, load, options, { calls: countCalls(), name: navigator.userAgent, onProgress: (line) => port.postMessage(line) });
  if (!options.sweep) return { report, text: reportText(report) };
  port.postMessage('The same model at several budgets.');
  const { f32, kernels } = options.load;
  const swept = await sweep(engine, source, { promptTokens: Math.min(options.promptTokens, 64), newTokens: Math.min(options.newTokens, 16), f32, kernels });
  return { report, sweep: swept, text: `${reportText(report)}\n\n${sweepText(swept)}` };
}

/** A chunk of its own: most measurements are of speed. */
const memory = () => import('./memory-worker.ts');

let busy = false;

/** One at a time, with the engine empty and the port closed after it. */
async function measured<T>(port: MessagePort, work: () => Promise<T>): Promise<T> {
  if (busy) throw new RequestError('Something is measured already. Wait for its end, or stop it.');
  busy = true;
  try {
    return await work();
  } finally {
    try {
      await engine.unload();
    } finally {
      port.close();
      busy = false;
    }
  }
}

const worker: BenchWorker = {
  models: () => engine.models(),
  run: (source, options, port) => measured(port, () => run(source, options, port)),
  memory: (source, request, port) => measured(port, async () => (await memory()).measureMemory(engine, source, request, port)),
  forgetMemory: async (source, request) => (await memory()).forgetMemory(source, request),
};

expose(worker);
