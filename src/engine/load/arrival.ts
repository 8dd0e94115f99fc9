// The weights that stay come to a placed model, once: from an import under way as it finishes them, else from where they
// are stored.
import { writeAngles } from '../../model/activations.ts';
import { factorsOf } from '../../model/rope.ts';
import { type Delivery } from '../../weights/import/delivery.ts';
import { type Layout } from '../../weights/layout.ts';
import { type SlabRange, type Slice, rangesOf } from '../../weights/stream/slices.ts';
import { type PlacedModel } from './placed.ts';

export interface Arrival {
  /** Slabs that need not be read. */
  fresh?: Delivery;
  /** Called while slabs are read. */
  onSlab?: (loadedBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

/** Of slice number `index`. */
interface KeptRange extends SlabRange {
  index: number;
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
  const factors = await Promise.all(
    graph.ropes.map((rope) => {
      const tensor = factorsOf(rope, sizes.context);
      return tensor === undefined ? undefined : reader.hostTensor(tensor, signal);
    }),
  );
  writeAngles(queue, activations, graph, sizes.context, factors);
}

async function bringKept(placed: PlacedModel, { fresh, onSlab, signal }: Arrival): Promise<void> {
  const { planned: { chosen: { opened: { layout } }, plan: { slices } }, uploader } = placed;
  const kept = keptBySlab(layout, slices);
  const missing = new Set([...kept.keys()].sort((a, b) => a - b)); // in the order in which they are stored
  const bring = async (slab: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    await place(placed, kept.get(slab) ?? [], slab, bytes, signal);
    missing.delete(slab);
  };
  await fresh?.receive(bring, signal);
  let loaded = layout.byteLength;
  for (const slab of missing) loaded -= layout.slabs[slab].byteLength;
  await readAhead(placed, [...missing], async (slab, bytes) => {
    await bring(slab, bytes);
    onSlab?.((loaded += bytes.byteLength), layout.byteLength);
  }, signal);
  await uploader.idle();
}

/** What stays on the GPU of each slab. */
function keptBySlab(layout: Layout, slices: readonly Slice[]): Map<number, KeptRange[]> {
  const kept = new Map<number, KeptRange[]>();
  for (const [index, slice] of slices.entries()) {
    if (slice.slot !== undefined) continue;
    for (const range of rangesOf(layout, slice)) kept.set(range.slab, [...(kept.get(range.slab) ?? []), { index, ...range }]);
  }
  return kept;
}

/** Uploads what stays of a slab, and lets worker memory have what is streamed. */
async function place(
  { weights, uploader, streaming: { memory } }: PlacedModel,
  kept: readonly KeptRange[],
  slab: number,
  bytes: Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): Promise<void> {
  memory.offer(slab, bytes);
  for (const { index, offset, start, length } of kept) {
    for (const target of weights.targets(index, start, length)) {
      signal?.throwIfAborted();
      await uploader.write(target.buffer, target.offset, bytes.subarray(offset + target.from, offset + target.from + target.length));
    }
  }
}

/** Reads some slabs while those before them are used. */
async function readAhead(
  { reader }: PlacedModel,
  slabs: readonly number[],
  use: (slab: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const read = (n: number) => {
    const bytes = n < slabs.length ? reader.readSlab(slabs[n], signal) : undefined;
    bytes?.catch(() => {}); // awaited in a later turn; an abort in between must not leave it unhandled
    return bytes;
  };
  const reads = Array.from({ length: readsAtOnce }, (_, n) => read(n));
  for (const [n, slab] of slabs.entries()) {
    signal?.throwIfAborted();
    const bytes = (await reads.shift())!;
    reads.push(read(n + readsAtOnce));
    await use(slab, bytes);
  }
}
