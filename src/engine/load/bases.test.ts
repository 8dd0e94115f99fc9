// The weights that latents are made by, as they come from a file and from the store, against plain rows of their tensors.
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../../test/doubles/memory-store.ts';
import { fixture } from '../../../test/models/fixture.ts';
import { openFiles } from '../../gguf/files.ts';
import { latentSource } from '../../kv/latents/source.ts';
import { cachesOf } from '../../kv/segment.ts';
import { specsOf } from '../../model/sections.ts';
import { importModel } from '../../weights/import/import-job.ts';
import { readVector } from '../../weights/import/pieces.ts';
import { layoutOf } from '../../weights/layout.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { type WeightsReader, sourceReader, storedReader } from '../../weights/store/reader.ts';
import { createSlabMemory } from '../../weights/stream/slab-memory.ts';
import { latentWeights } from './bases.ts';
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
