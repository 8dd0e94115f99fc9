// Loads a model for tests on Dawn, as the engine does.
import { type KernelCache, createKernelCache } from '../../src/gpu/kernels.ts';
import { type DeviceOptions, type Gpu, openGpu } from '../../src/gpu/device.ts';
import { type LoadedModel, loadModel } from '../../src/engine/load/load.ts';
import { chosenAs } from '../../src/engine/load/chosen.ts';
import { openModel } from '../../src/engine/load/opened.ts';
import { type ModelOptions } from '../../src/engine/load/options.ts';
import { planModel } from '../../src/engine/load/plan/planned.ts';
import { kvFormat } from '../../src/kv/formats/catalogue.ts';
import { shapeWithin } from '../../src/kv/policies/catalogue.ts';
import { readHeader } from '../../src/gguf/read.ts';
import { sourceReader } from '../../src/weights/store/reader.ts';
import { bytesSource } from '../../src/weights/source/source.ts';
import { decodeChoice } from '../../src/gpu/checks/choice.ts';
import { fixture } from './fixture.ts';
import { dawn } from '../dawn.ts';

export const openDawn = (options?: DeviceOptions): Promise<Gpu> => openGpu(dawn(), options);

let shared: Promise<Gpu> | undefined;

/** One for all tests of a file, whose kernels are compiled once: for those that neither lose it nor look at it alone. */
export const sharedGpu = (): Promise<Gpu> => (shared ??= openDawn());

const caches = new WeakMap<GPUDevice, KernelCache>();

/** What was compiled on a device for one model serves the next one too. */
export function kernelsOf({ device }: Gpu): KernelCache {
  const kernels = caches.get(device) ?? createKernelCache(device);
  caches.set(device, kernels);
  return kernels;
}

export const testChoice = decodeChoice({});

/** As the engine has them, and a policy of keys and values by its name. */
export interface TestOptions extends Partial<ModelOptions> {
  policy?: { name: string; options?: Record<string, number>; budgetBytes?: number; retrieval?: number[][] };
}

export const openFixture = (gpu: Gpu, path: string, options: TestOptions, kernels?: KernelCache): Promise<LoadedModel> =>
  openBytes(gpu, fixture(path), options, kernels);

/** A model from the bytes of its file. */
export async function openBytes(gpu: Gpu, bytes: Uint8Array<ArrayBuffer>, { policy, ...options }: TestOptions, kernels = kernelsOf(gpu)): Promise<LoadedModel> {
  const source = bytesSource(bytes, 'model.gguf');
  const opened = await openModel(await readHeader(source));
  const asked = {
    budgetBytes: 2 ** 32,
    chunk: 64,
    logitsRows: 64,
    context: Math.min(1024, opened.graph.config.context),
    choice: testChoice,
    kv: kvFormat('f32'),
    ...options,
  };
  if (policy) {
    const { name, options: given = {}, budgetBytes = Infinity, retrieval } = policy;
    const shape = shapeWithin(opened.graph, name, given, { ...asked, format: asked.kv, budgetBytes, sequences: 1, retrieval });
    Object.assign(asked, { shape, segments: shape.segments, sorted: shape.sorted });
  }
  return loadModel(planModel(chosenAs(gpu, opened, asked, kernels)), sourceReader(source, opened.header, opened.layout));
}
