// The weights that latents are made by, as they come from a file and from the store, against plain rows of their tensors; and what is made of them, once.
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../../test/doubles/memory-store.ts';
import { fixture } from '../../../test/models/fixture.ts';
import { openFiles } from '../../gguf/files.ts';
import { type Gpu } from '../../gpu/device.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { basisFloats } from '../../kv/latents/basis.ts';
import { latentSource } from '../../kv/latents/source.ts';
import { cachesOf } from '../../kv/segment.ts';
import { restsFor } from '../../kv/tiers/turns.ts';
import { specsOf } from '../../model/sections.ts';
import { importModel } from '../../weights/import/import-job.ts';
import { readVector } from '../../weights/import/pieces.ts';
import { layoutOf } from '../../weights/layout.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { type WeightsReader, sourceReader, storedReader } from '../../weights/store/reader.ts';
import { createSlabMemory } from '../../weights/stream/slab-memory.ts';
import { type Bringing, bringBases, latentWeights } from './bases.ts';
import { openModel } from './opened.ts';

/** A model whose layers lie in several slabs, from both kinds of readers; `wholeReads`: by now, of each slab. */
async function opened(name: string) {
  const files = await openFiles([bytesSource(fixture(`tiny/${name}.gguf`), 'model.gguf')]);
  const model = await openModel(files.header);
  const layout = layoutOf(files.header, specsOf(model.sections), 32 * 1024);
  const store = memoryStore();
  const manifest = await importModel({ ...files, layout, hostTensors: model.graph.hostTensors }, store, { id: 'm', name: 'Model', urls: [] });
  const wholeReads = layout.slabs.map(() => 0);
  const read: typeof store.read = (id, index, ...range) => {
    if (!range.length) wholeReads[index]++;
    return store.read(id, index, ...range);
  };
  const direct = sourceReader(files.source, files.header, layout);
  const memoryOf = (reader: WeightsReader) => createSlabMemory(reader, layout.slabs.map(({ byteLength }) => byteLength), [], 0);
  return {
    ...files, model: { ...model, layout }, wholeReads,
    memories: { 'its file': memoryOf(direct), 'the store': memoryOf(storedReader({ ...store, read }, manifest)) },
  };
}

describe.each(['tiny-qwen2', 'tiny-llama-k'])('%s', async (name) => {
  const { header, source, model, memories, wholeReads } = await opened(name);
  const plain = (tensor: string) => readVector(source, header.tensors.get(tensor)!);

  it.each(['its file', 'the store'] as const)('has the rows that make keys and values, and their biases, from %s', async (from) => {
    for (const layer of cachesOf(model.graph.config).keys()) {
      const found = latentSource(model.graph, layer);
      if (typeof found !== 'object') throw new Error(found);
      for (const [i, weights] of (await latentWeights(model, memories[from], layer, found)).entries()) {
        const tensor = `blk.${layer}.attn_${'kv'[i]}`;
        expect(weights.rows).toEqual(await plain(`${tensor}.weight`));
        expect(weights.bias).toEqual(header.tensors.has(`${tensor}.bias`) ? await plain(`${tensor}.bias`) : undefined);
      }
    }
    // When its hash is checked; panels are read one by one from then on.
    expect(Math.max(...wholeReads)).toBe(from === 'the store' ? 1 : 0);
  });
});

it('a model is decomposed once for all GPUs that it is brought to, for fresh slots of one format', async () => {
  const { model, memories: { 'its file': memory } } = await opened('tiny-llama-k');
  let reads = 0;
  const written: Float32Array[] = [];
  const gpu = { device: { queue: { writeBuffer: (_buffer, _at, data) => void written.push(data as Float32Array) } as Partial<GPUQueue> } } as unknown as Gpu;
  const bases = cachesOf(model.graph.config).map((_, layer) => (layer ? ({} as GPUBuffer) : undefined)); // the first layer has none
  const bring = (kv: string, signal?: AbortSignal) => bringBases({
    planned: { chosen: { gpu, opened: model } }, home: { bases, format: kvFormat(kv) },
    streaming: { memory: { read: (range) => (reads++, memory.read(range)) } },
  } satisfies Bringing, signal);
  await expect(bring('f16', AbortSignal.abort())).rejects.toThrow('abort');
  expect(reads).toBe(0);
  await bring('f16');
  const once = reads;
  await bring('f16');
  expect(reads).toBe(once);
  await bring('f32');
  expect(reads).toBe(2 * once);
  const source = latentSource(model.graph, 1);
  if (typeof source !== 'object') throw new Error(source);
  const wanted = await basisFloats(cachesOf(model.graph.config)[1], await latentWeights(model, memory, 1, source), kvFormat('f16'));
  expect(written).toEqual(written.map(() => wanted)); // no row of these weights is short
  expect(written).toHaveLength(3 * (bases.length - 1));
});

it('what has its time hears that it is to end', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort());
  const rest = restsFor(stop.signal);
  const works = async () => {
    for (let i = 0; i < 1000; i++) await rest(2 ** 24);
  };
  await expect(works()).rejects.toThrow('abort');
});
