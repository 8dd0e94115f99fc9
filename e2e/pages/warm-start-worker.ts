// Imports a file, measures its warm start and deletes it again.
import { measureWarmStart } from '../../bench/warm-start.ts';
import { createEngine, type Host } from '../../src/engine/engine.ts';
import { openRecords } from '../../src/weights/store/records.ts';
import { openStore, type Store } from '../../src/weights/store/store.ts';

const host: Host & { store: Store } = {
  gpu: navigator.gpu,
  store: openStore(),
  locks: navigator.locks,
  tuning: openRecords('windrow-tuning'),
  costs: openRecords('windrow-store-cost'),
};

self.onmessage = async ({ data: file }: MessageEvent<File>) => {
  try {
    const engine = createEngine(host);
    const { id } = await engine.importModel({ file });
    const measured = await measureWarmStart(host, engine, id);
    await engine.remove(id);
    self.postMessage(measured);
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
