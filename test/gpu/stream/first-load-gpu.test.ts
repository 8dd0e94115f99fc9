// The first load of a model on Dawn: kernels are chosen and compiled while it is imported, and a load that fails in the
// middle leaves nothing on the GPU and an import that goes on from there. The browser's part is e2e/import*.spec.ts.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AdapterNotes } from '../../../src/engine/measure/tune/tuning.ts';
import { DeviceError } from '../../../src/errors.ts';
import { type ByteSource } from '../../../src/gguf/source.ts';
import { type LoadProgress } from '../../../src/protocol.ts';
import { type MemoryStore, memoryStore } from '../../doubles/memory-store.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { type EngineOptions } from '../../../src/engine/engine.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { answer, openEngine, quick } from '../../engine.ts';
import { fixture } from '../../models/fixture.ts';

const path = 'tiny/tiny-llama3.gguf'; // with rope factors, which come with the weights
const prompt = { tokens: [1, 5, 9, 44, 300] };

/** The model's file; the last part of its weights comes when `last` resolves, which a signal may prevent. */
function lateSource(last: (signal?: AbortSignal) => Promise<void>): ByteSource {
  const source = bytesSource(fixture(path), path);
  return {
    ...source,
    async *stream(offset, length, signal) {
      const tail = Math.max(0, offset + length - (source.byteLength! - 100_000));
      if (length > tail) yield await source.read(offset, length - tail, signal);
      if (tail === 0) return;
      await last(signal);
      yield await source.read(offset + length - tail, tail, signal);
    },
  };
}

/** Rejects when `signal` aborts. */
const never = (signal?: AbortSignal) => new Promise<void>((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error)));

/** Calls `onPipeline` with the number of pipelines compiled so far. */
function watchPipelines(onPipeline: (count: number) => void): void {
  let count = 0;
  const compile = GPUDevice.prototype.createComputePipelineAsync;
  vi.spyOn(GPUDevice.prototype, 'createComputePipelineAsync').mockImplementation(async function (this: GPUDevice, descriptor) {
    const pipeline = await compile.call(this, descriptor);
    onPipeline(++count);
    return pipeline;
  });
}

/** Bytes of GPU buffers alive, of all that are made from now on. */
function watchBuffers(): { bytes: number; made: number } {
  const live = { bytes: 0, made: 0 };
  const { createBuffer } = GPUDevice.prototype;
  vi.spyOn(GPUDevice.prototype, 'createBuffer').mockImplementation(function (this: GPUDevice, descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    const destroy = buffer.destroy.bind(buffer);
    live.bytes += descriptor.size;
    live.made++;
    buffer.destroy = () => {
      live.bytes -= descriptor.size;
      return destroy();
    };
    return buffer;
  });
  return live;
}

/** Bytes that are read of a store's slabs from now on. */
function countReads(store: MemoryStore): { bytes: number } {
  const count = { bytes: 0 };
  const { read } = store;
  store.read = async (...range) => {
    const bytes = await read(...range);
    count.bytes += bytes?.byteLength ?? 0;
    return bytes;
  };
  return count;
}

const storedSlabs = async (store: MemoryStore): Promise<number> => {
  const [manifest] = await store.manifests();
  return manifest ? (await store.slabs(manifest.id)).size : 0;
};

describe.skipIf(!adapterFile)('the first load', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('has compiled every kernel before the last bytes of the weights come', async () => {
    dawn();
    let all = 0;
    watchPipelines((count) => (all = count));
    const engine = openEngine();
    await engine.load(bytesSource(fixture(path), path), quick);
    vi.restoreAllMocks();
    const { ids } = await answer(engine, { prompt, maxTokens: 8 }); // compiles the sampling that it asks for

    let compiled!: () => void;
    const everything = new Promise<void>((resolve) => (compiled = resolve));
    watchPipelines((count) => count === all && compiled());
    const progress: LoadProgress[] = [];
    const store = memoryStore();
    const keeping = openEngine({ store });
    await keeping.load(lateSource(() => everything), quick, (each) => progress.push(each)); // waits for ever if nothing is compiled meanwhile
    expect(progress.at(-1)).toMatchObject({ phase: 'ready', fromStore: true });
    expect((await answer(keeping, { prompt, maxTokens: 8 })).ids).toEqual(ids);

    await keeping.load(lateSource(never), quick, (each) => progress.push(each)); // from the store
    expect((await answer(keeping, { prompt, maxTokens: 8 })).ids).toEqual(ids);
    await Promise.all([engine.unload(), keeping.unload()]);
  });

  it('times shapes while the weights are on their way, and repacks nothing meanwhile', async () => {
    const store = memoryStore();
    const events: string[] = [];
    let begun = () => {};
    const measuring = new Promise<void>((resolve) => (begun = resolve));
    const set = async (_: string, notes: AdapterNotes) => {
      const event = notes.begun ? 'measuring' : 'choice';
      if (events.at(-1) !== event) events.push(event);
      begun();
    };
    const engine = openEngine({ store, tuning: { get: async () => undefined, set } });
    store.onPut = () => void (events.at(-1) === 'slab' || events.push('slab'));
    const bytesCome = async () => {
      await measuring;
      await new Promise((resolve) => setTimeout(resolve));
      events.push('bytes');
    };
    await engine.load(lateSource(bytesCome), { f32: true });
    expect(events.slice(events.indexOf('bytes')).slice(0, 4)).toEqual(['bytes', 'measuring', 'choice', 'slab']);
    await engine.unload();
  });

  it.each<[string, EngineOptions]>([
    ['with kernels that are given', quick],
    ['with kernels that are measured and tested', { f32: true }],
  ])('puts slabs on the GPU as they are finished and stored, and reads none back, %s', async (_, options) => {
    dawn();
    const engine = openEngine();
    await engine.load(bytesSource(fixture(path), path), options);
    const { ids } = await answer(engine, { prompt, maxTokens: 8 });
    const store = memoryStore();
    const count = countReads(store);
    const keeping = openEngine({ store });
    await keeping.load(bytesSource(fixture(path), path), options);
    expect(await storedSlabs(store)).toBe(keeping.loaded().opened.layout.slabs.length);
    expect((await answer(keeping, { prompt, maxTokens: 8 })).ids).toEqual(ids);
    expect(count.bytes).toBe(0);
    await keeping.load(bytesSource(fixture(path), path), options); // from the store
    expect(count.bytes).toBe(keeping.loaded().opened.layout.byteLength);
    await Promise.all([engine.unload(), keeping.unload()]);
  });

  it('leaves what is streamed in worker memory as the import finishes it', async () => {
    dawn();
    const engine = openEngine();
    await engine.load(bytesSource(fixture(path), path), quick);
    const { ids } = await answer(engine, { prompt, maxTokens: 8 });
    const { model } = engine.loaded();
    const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv }).find((budget) => budget.name === '25 %')!;
    const store = memoryStore();
    const count = countReads(store);
    const keeping = openEngine({ store });
    await keeping.load(bytesSource(fixture(path), path), { ...quick, budgetBytes });
    const { streamedBytes, memoryBytes } = keeping.stats();
    expect(streamedBytes).toBeGreaterThan(0);
    expect(memoryBytes).toBe(streamedBytes);
    expect(count.bytes).toBe(0);
    expect((await answer(keeping, { prompt, maxTokens: 8 })).ids).toEqual(ids);
    await Promise.all([engine.unload(), keeping.unload()]);
  });

  it('ends with the error of an import that fails, frees the GPU, and goes on from what is stored', async () => {
    dawn();
    const store = memoryStore();
    const engine = openEngine({ store });
    const live = watchBuffers();
    await expect(engine.load(lateSource(async () => Promise.reject(new Error('The cable is cut.'))), quick)).rejects.toThrow('The cable is cut.');
    expect(live.made).toBeGreaterThan(20);
    expect(live.bytes).toBe(0);
    expect(await storedSlabs(store)).toBeGreaterThan(0);
    await expect(answer(engine, { prompt })).rejects.toThrow(/No model is loaded/);

    const [{ id, slabBytes }] = await store.manifests();
    const missed = [...(await store.slabs(id)).keys()].reduce((sum, slab) => sum + slabBytes[slab], 0);
    const count = countReads(store);
    const progress: LoadProgress[] = [];
    await engine.load(bytesSource(fixture(path), path), quick, (each) => progress.push(each));
    expect(count.bytes).toBe(missed); // what is whole for the GPU, a draft to be finished
    expect(progress.find(({ phase }) => phase === 'weights')!.loadedBytes).toBeGreaterThan(0);
    expect((await answer(engine, { prompt, maxTokens: 4 })).ids).toHaveLength(4);
    await engine.unload();
  });

  it('ends an import that it cannot use: kernels that do not compile, a GPU that is lost', async () => {
    dawn();
    const store = memoryStore();
    const engine = openEngine({ store });
    const live = watchBuffers();
    const compile = vi.spyOn(GPUDevice.prototype, 'createComputePipelineAsync').mockRejectedValue(new Error('The driver is old.'));
    await expect(engine.load(lateSource(never), quick)).rejects.toThrow(/does not compile: The driver is old/);
    expect(live.bytes).toBe(0);
    compile.mockRestore();

    const shaders = vi.spyOn(GPUDevice.prototype, 'createShaderModule');
    const losing = engine.load(lateSource((signal) => {
      void vi.waitUntil(() => shaders.mock.contexts[0] as GPUDevice | undefined, { timeout: 60_000 }).then((device) => device.destroy());
      return never(signal);
    }), quick);
    const error = await losing.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeviceError);
    expect((error as Error).message).toMatch(/The GPU was lost/);
    expect(live.bytes).toBe(0);
    vi.restoreAllMocks();

    await engine.load(bytesSource(fixture(path), path), quick);
    expect((await answer(engine, { prompt, maxTokens: 4 })).ids).toHaveLength(4);
    await engine.unload();
  });
});
