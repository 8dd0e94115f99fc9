// The fresh segment of every cache, of which most models have one in each layer: where the keys and values of new tokens go, a slot
// for each position. Grown between submits, one layer at a time, so that never more than one layer is there twice. Knows no sets and no policy.
import { type Ledger } from '../gpu/ledger.ts';
import { type KvFormat } from './formats/format.ts';
import { type Caches, type Segment, cachesOf, createSegment, segmentBytes } from './segment.ts';

export interface Fresh {
  readonly format: KvFormat;
  /** Positions that every layer has room for. */
  readonly capacity: number;
  layer(index: number): Segment;
  /**
   * Makes room for `positions`, if there is less. Throws BudgetError where the budget or the GPU has not so much; what was
   * there is kept, in layers of which some may have grown. So bind groups are to be made anew in any case. `slots`: to have
   * then, by default what `grownTo` says.
   */
  grow(device: GPUDevice, positions: number, slots?: number): Promise<void>;
}

/** Slots are added in steps of this many. */
const step = 256;
/** Up to here they are doubled, which copies less often; beyond, a step is little beside what is there. */
const mostDoubled = 4096;

export const inSteps = (positions: number): number => Math.ceil(positions / step) * step;

/** Slots to have where `positions` are needed and there are `capacity`, of a conversation of at most `most`. */
export const grownTo = (capacity: number, positions: number, most: number): number =>
  Math.min(most, Math.max(inSteps(positions), Math.min(2 * capacity, mostDoubled)));

/** Bytes of all layers at first and with `context` positions, and at most of the old pages of the one layer that is growing. */
export function freshBytes(config: Caches, context: number, format: KvFormat): { first: number; full: number; growing: number } {
  const layers = (slots: number) => cachesOf(config).map((heads) => segmentBytes(heads, slots, format));
  const sum = (bytes: number[]) => bytes.reduce((a, b) => a + b, 0);
  return {
    first: sum(layers(Math.min(context, step))),
    full: sum(layers(context)),
    growing: Math.max(0, ...layers(inSteps(context) - step)),
  };
}

export function createFresh(ledger: Ledger, config: Caches, context: number, format: KvFormat): Fresh {
  const caches = cachesOf(config);
  const make = (layer: number, slots: number) => createSegment(ledger, `kv.${layer}`, caches[layer], slots, format);
  const layers = caches.map((_, layer) => make(layer, Math.min(context, step)));
  const capacity = () => Math.min(context, ...layers.map((segment) => segment.capacity));

  /** Replaces a layer once its larger buffer is known to be there. */
  async function growLayer(device: GPUDevice, index: number, slots: number): Promise<void> {
    const old = layers[index];
    const next = make(index, slots);
    try {
      await ledger.settle();
    } catch (error) {
      ledger.destroy(next.buffer);
      throw error;
    }
    const encoder = device.createCommandEncoder({ label: 'kv.grow' });
    encoder.copyBufferToBuffer(old.buffer, 0, next.buffer, 0, old.buffer.size);
    device.queue.submit([encoder.finish()]);
    layers[index] = next;
    ledger.destroy(old.buffer);
  }

  return {
    format,
    get capacity() {
      return capacity();
    },
    layer: (index) => layers[index],
    async grow(device, positions, slots = grownTo(capacity(), positions, context)) {
      for (const [index, layer] of layers.entries()) if (layer.capacity < positions) await growLayer(device, index, slots);
    },
  };
}
