// How long a stored model takes until its weights are on the GPU, against reading its bytes and uploading its bytes apart.
// For a worker of a page, where the store is. Holds the whole model in memory.
import { type Engine, type Host } from '../src/engine/engine.ts';
import { openGpu } from '../src/gpu/device.ts';
import { createLedger } from '../src/gpu/ledger.ts';
import { type EngineStats } from '../src/protocol.ts';
import { storedReader } from '../src/weights/store/reader.ts';
import { type Manifest, type Store } from '../src/weights/store/store.ts';
import { createUploader } from '../src/weights/stream/uploader.ts';

/** Milliseconds, each of the round that other work disturbed least. */
export interface WarmStart {
  byteLength: number;
  /** All slabs one after the other, hashes checked. */
  readMs: number;
  /** All of their bytes, from memory to fresh buffers. */
  uploadMs: number;
  /** From the call of `load`. */
  readyMs: EngineStats['readyMs'];
  /** Weights ready, of read and upload together. */
  ratio: number;
}

/** Loads `id` once before, for what is measured or compiled at the first load. Leaves nothing loaded. */
export async function measureWarmStart(host: Host & { store: Store }, engine: Engine, id: string, rounds = 3): Promise<WarmStart> {
  const manifest = await host.store.manifest(id);
  if (!manifest?.complete) throw new Error(`There is no complete stored model ${id}.`);
  const load = async () => {
    await engine.load({ stored: id });
    const { readyMs } = engine.stats();
    const { model: { plan, ledger } } = engine.loaded();
    await engine.unload();
    if (plan.streamedBytes > 0)
      throw new Error(
        `${plan.streamedBytes} bytes of ${manifest.name} do not stay within ${ledger.budgetBytes}: then there is no time at which all weights are there.`,
      );
    return { readyMs, uploadBytes: plan.uploadBytes };
  };
  const { uploadBytes } = await load();
  const reads: number[] = [];
  const uploads: number[] = [];
  const loads: EngineStats['readyMs'][] = [];
  for (let round = 0; round < rounds; round++) {
    const { ms, slabs } = await readAll(host.store, manifest);
    reads.push(ms);
    uploads.push(await uploadAll(host, slabs, uploadBytes));
    loads.push((await load()).readyMs);
  }
  const readMs = Math.min(...reads);
  const uploadMs = Math.min(...uploads);
  const readyMs = loads.reduce((a, b) => (b.weights < a.weights ? b : a));
  return { byteLength: manifest.slabBytes.reduce((a, b) => a + b, 0), readMs, uploadMs, readyMs, ratio: readyMs.weights / (readMs + uploadMs) };
}

async function readAll(store: Store, manifest: Manifest): Promise<{ ms: number; slabs: Uint8Array<ArrayBuffer>[] }> {
  const reader = storedReader(store, manifest);
  const slabs: Uint8Array<ArrayBuffer>[] = [];
  const started = performance.now();
  for (const slab of manifest.slabHashes.keys()) slabs.push(await reader.readSlab(slab));
  const ms = performance.now() - started;
  await store.close(manifest.id);
  return { ms, slabs };
}

async function uploadAll({ gpu, deviceOptions }: Host, slabs: Uint8Array<ArrayBuffer>[], uploadBytes: number): Promise<number> {
  const { device } = await openGpu(gpu, deviceOptions);
  const ledger = createLedger(device, Infinity);
  const buffers = slabs.map(({ byteLength }, i) => ledger.create('weights', `slab.${i}`, byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST));
  await ledger.settle();
  const uploader = createUploader(device.queue, uploadBytes, (bytes) => ledger.reserve('staging', bytes));
  const started = performance.now();
  for (const [i, bytes] of slabs.entries()) await uploader.write(buffers[i], 0, bytes);
  await uploader.idle();
  const ms = performance.now() - started;
  ledger.destroyAll();
  device.destroy();
  return ms;
}
