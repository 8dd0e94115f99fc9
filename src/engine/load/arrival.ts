// The weights that stay come to a placed model, once.
import { writeAngles } from '../../model/activations.ts';
import { rangesOf } from '../../weights/stream/slices.ts';
import { type PlacedModel } from './placed.ts';

export interface Arrival {
  onSlab?: (loadedBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

/** Slabs read at once: one is hashed while another comes from the disk. */
const readsAtOnce = 2;

/** Resolves when everything that stays is on the GPU. */
export async function bringWeights(placed: PlacedModel, arrival: Arrival): Promise<void> {
  await Promise.all([bringAngles(placed, arrival), bringKept(placed, arrival)]);
  await placed.reader.finish();
}

/** The angles of rotary embeddings, which may depend on small tensors of the file. */
async function bringAngles({ planned: { chosen, sizes }, activations, reader }: PlacedModel, { signal }: Arrival): Promise<void> {
  const { gpu: { device: { queue } }, opened: { graph } } = chosen;
  const factors = await Promise.all(graph.ropes.map((rope) => (rope.factors ? reader.hostTensor(rope.factors, signal) : undefined)));
  writeAngles(queue, activations, graph, sizes.context, factors);
}

/** Reads slabs ahead and uploads what stays of each. */
async function bringKept({ planned: { chosen: { opened: { layout } }, plan: { slices } }, weights, reader, uploader, streaming: { memory } }: PlacedModel, { onSlab, signal }: Arrival): Promise<void> {
  const kept = slices.flatMap((slice, index) => (slice.slot === undefined ? rangesOf(layout, slice).map((range) => ({ index, ...range })) : []));
  const needed = [...layout.slabs.keys()].filter((i) => kept.some(({ slab }) => slab === i));
  let loaded = layout.byteLength - needed.reduce((sum, i) => sum + layout.slabs[i].byteLength, 0);
  const read = (n: number) => {
    const bytes = n < needed.length ? reader.readSlab(needed[n], signal) : undefined;
    bytes?.catch(() => {}); // awaited in a later turn; an abort in between must not leave it unhandled
    return bytes;
  };
  const reads = Array.from({ length: readsAtOnce }, (_, n) => read(n));
  for (const [n, slab] of needed.entries()) {
    signal?.throwIfAborted();
    const bytes = (await reads.shift())!;
    reads.push(read(n + readsAtOnce));
    memory.offer(slab, bytes);
    for (const range of kept.filter((k) => k.slab === slab)) {
      for (const target of weights.targets(range.index, range.start, range.length)) {
        await uploader.write(target.buffer, target.offset, bytes.subarray(range.offset + target.from, range.offset + target.from + target.length));
      }
    }
    loaded += bytes.byteLength;
    onSlab?.(loaded, layout.byteLength);
  }
  await uploader.idle();
}
