// Which positions a layer's slots are of, read from the GPU: of a policy whose last plane notes them (option `positions`).
import { type LoadedModel } from '../../src/engine/load/load.ts';
import { readBytes } from '../../src/gpu/read-bytes.ts';
import { type KvLayer } from '../../src/kv/policy.ts';
import { type Sequence } from '../../src/kv/sequence.ts';

/** (layer, kv head) the positions of slots, those of the first set and the fresh ones up to `length`. */
export async function keptPositions(model: LoadedModel, { shaped }: Pick<Sequence, 'shaped'>, length: number): Promise<number[][][]> {
  const layers: number[][][] = [];
  for (const layer of shaped!.layers) layers.push(await positionsOf(model, layer, shaped!.shape.plan.planes.length, shaped!.base, length));
  return layers;
}

async function positionsOf(model: LoadedModel, layer: KvLayer, planes: number, base: number, length: number): Promise<number[][]> {
  const { gpu: { device }, ledger } = model;
  const { sets: [set], lists, heads: { kvHeads } } = layer;
  const words = async (buffer: GPUBuffer) => new Uint32Array(await readBytes(device, ledger, 'test.kept', { buffer, byteLength: buffer.size }));
  const [list, noted] = [await words(lists), await words(set.planes!)];
  const fresh = Array.from({ length: length - base }, (_, i) => base + i);
  return Array.from({ length: kvHeads }, (_, head) => {
    const [first, slots] = [list[2 * head], list[2 * head + 1]];
    if (slots !== set.counts[head]) throw new Error(`Head ${head} has ${slots} slots by its list, ${set.counts[head]} by its counts.`);
    return [...Array.from({ length: slots }, (_, slot) => noted[(list[first + (slot >> 5)] * planes + planes - 1) * 32 + (slot & 31)]), ...fresh];
  });
}
