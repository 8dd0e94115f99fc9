// Loads a model for tests on Dawn, as the engine does.
import { buildGraph } from '../src/model/build.ts';
import { type DeviceOptions, type Gpu, openGpu } from '../src/gpu/device.ts';
import { type LoadedModel, type ModelOptions, loadModel } from '../src/engine/load.ts';
import { sectionSpecs } from '../src/engine/sections.ts';
import { readHeader } from '../src/gguf/parse.ts';
import { importSlab } from '../src/weights/import.ts';
import { layoutOf } from '../src/weights/layout.ts';
import { bytesSource } from '../src/weights/source.ts';
import { fixture } from './fixture.ts';
import { dawn } from './dawn.ts';

export const openDawn = (options?: DeviceOptions): Promise<Gpu> => openGpu(dawn(), options);

export const testShapes: ModelOptions['shapes'] = { splits: 4, panels: 1, prefill: 'tile', tile: 'f32', cache: 'f32', reduce: 'workgroup' };

export async function openFixture(gpu: Gpu, path: string, options: Partial<ModelOptions>): Promise<LoadedModel> {
  const source = bytesSource(fixture(path), path);
  const header = await readHeader(source);
  const graph = buildGraph(header);
  const layout = layoutOf(header, sectionSpecs(graph));
  return loadModel(gpu, source, { header, graph, layout }, (slab) => importSlab(source, header, layout, slab), {
    budgetBytes: 2 ** 32, chunk: 64, logitsRows: 64, context: Math.min(1024, graph.config.context), shapes: testShapes, ...options,
  });
}
