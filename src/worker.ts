// Hosts the engine in a Web Worker behind Comlink; nothing else.
import { expose } from 'comlink';
import { createEngine, type Host } from './engine/engine.ts';
import { type Gpu } from './gpu/device.ts';
import { transferErrorCodes } from './error-transfer.ts';
import { type GenerateControl, type GenerateEvent, type LoadProgress, type WorkerEngine } from './protocol.ts';
import { openRecords } from './weights/store/records.ts';
import { openStore } from './weights/store/store.ts';
import { sweepStore } from './weights/store/sweep.ts';

/** In a frame without an origin nothing is kept: the browser denies it every kind of storage, and locks. */
const host: Host = self.origin === 'null' ? { gpu: navigator.gpu } : {
  gpu: navigator.gpu, store: openStore(), locks: navigator.locks, estimate: () => navigator.storage.estimate(), tuning: openRecords('windrow-tuning'),
  costs: openRecords('windrow-store-cost'), gpuCosts: openRecords('windrow-gpu-costs'), uses: openRecords('windrow-experts'),
  heads: openRecords('windrow-heads'),
  scratch: async () => (await import('./weights/store/scratch-file.ts')).openScratchFile(navigator.locks),
  keptStates: async () => (await import('./engine/sessions/in-records.ts')).openKeptRecords(),
};
const engine = createEngine(host);

/** Sends progress over `port` while `work` runs, and closes it then. */
async function reporting<T>(port: MessagePort | null, work: (onProgress: (event: LoadProgress) => void) => Promise<T>): Promise<T> {
  try {
    return await work((event) => port?.postMessage(event));
  } finally {
    port?.close();
  }
}

/** Measures the GPU between two answers, so that neither changes the other's times. */
const onOwnDevice = <T>(work: (gpu: Gpu) => Promise<T>): Promise<T> => engine.inTurn(async () => {
  const { openGpu } = await import('./gpu/device.ts');
  const gpu = await openGpu(navigator.gpu);
  try {
    return await work(gpu);
  } finally {
    gpu.device.destroy();
  }
});

const worker: WorkerEngine = {
  searchHub: async (words, hub) => (await import('./engine/hub.ts')).search(words, hub),
  listHub: async (repo, options) => (await import('./engine/hub.ts')).list(repo, options),
  plan: async (source, options) => (await import('./engine/load/preview.ts')).previewModel(host, source, options, engine.inTurn),
  load: (source, options, progress) => reporting(progress, (onProgress) => engine.load(source, options, onProgress)),
  changeBudget: (budgetBytes, progress) => reporting(progress, (onProgress) => engine.changeBudget(budgetBytes, onProgress)),
  async generate(request, port) {
    const send = (event: GenerateEvent) => port.postMessage(event);
    const stop = new AbortController();
    port.onmessage = ({ data }: MessageEvent<GenerateControl>) => {
      if (data.type === 'stop') stop.abort();
    };
    try {
      const { reason, stats } = await engine.generate(
        request, (tokens, text, said) => send({ type: 'tokens', tokens, text, ...said }), stop.signal, () => send({ type: 'begun' }),
      );
      send({ type: 'done', reason, stats });
    } catch (error) {
      const { name, message, code } = error as Error & { code?: string };
      send({ type: 'error', name, message, code });
    } finally {
      port.close();
    }
  },
  async embed(inputs, control, how) {
    const stop = new AbortController();
    control.onmessage = () => stop.abort();
    try {
      return await engine.embed(inputs, { ...how, signal: stop.signal });
    } finally {
      control.close();
    }
  },
  session: (...call) => engine.session(...call),
  countTokens: async (prompt) => engine.loaded().session.encode(prompt).length,
  stats: async () => engine.stats(),
  models: () => engine.models(),
  remove: (id) => engine.remove(id),
  importModel: (source, options, progress) => reporting(progress, (onProgress) => engine.importModel(source, options, onProgress)),
  pauseImports: async (paused) => engine.pauseImports(paused),
  verify: (id, options) => engine.verify(id, options),
  selfTest: () => onOwnDevice(async (gpu) => {
    const { selfTest } = await import('./gpu/self-test.ts');
    return (await selfTest(gpu)).map(({ name, passed, skipped, message }) => ({ name, passed, skipped, message }));
  }),
  peak: () => onOwnDevice(async (gpu) => {
    const { measurePeak } = await import('./bench/peak.ts');
    return measurePeak(gpu.device, { mostBytes: 2 ** 28 }); // beside the model, on somebody's own machine
  }),
  unload: () => engine.unload(),
};

transferErrorCodes();
expose(worker);
if (host.store) void sweepStore(host.store, navigator.locks).catch(() => {}); // storage that cannot be read (a private window, say) has nothing to sweep
