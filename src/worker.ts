// Hosts the engine in a Web Worker behind Comlink; nothing else.
import { expose } from 'comlink';
import { createEngine } from './engine/engine.ts';
import { type GenerateControl, type GenerateEvent, type LoadProgress, type WorkerEngine } from './protocol.ts';
import { openRecords, openStore } from './weights/store.ts';

const engine = createEngine({ gpu: navigator.gpu, store: openStore(), tuning: openRecords('windrow-tuning') });

const worker: WorkerEngine = {
  async load(source, options, progress) {
    try {
      return await engine.load(source, options, (event: LoadProgress) => progress?.postMessage(event));
    } finally {
      progress?.close();
    }
  },
  async generate(request, port) {
    const send = (event: GenerateEvent) => port.postMessage(event);
    const stop = new AbortController();
    port.onmessage = ({ data }: MessageEvent<GenerateControl>) => {
      if (data.type === 'stop') stop.abort();
    };
    try {
      const { reason, stats } = await engine.generate(request, (ids, text) => send({ type: 'tokens', ids, text }), stop.signal);
      send({ type: 'done', reason, stats });
    } catch (error) {
      const { name, message } = error as Error;
      send({ type: 'error', name, message });
    } finally {
      port.close();
    }
  },
  stats: async () => engine.stats(),
  models: () => engine.models(),
  remove: (id) => engine.remove(id),
  unload: () => engine.unload(),
};

expose(worker);
