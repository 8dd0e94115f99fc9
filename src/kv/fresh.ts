// The fresh segment of every cache, of which most models have one in each layer: where the keys and values of new tokens go, a slot
// for each position, or of layers with sets a ring of the last ones. Grown between submits, one layer at a time, so that never more than one layer
// is there twice. Knows no sets and no policy.
import { type Ledger, settled } from '../gpu/ledger.ts';
import { type KvFormat, pageSlots } from './formats/format.ts';
import { type Caches, type Segment, cachesOf, createSegment, inSteps, segmentBytes, slotsOfStep as step } from './segment.ts';
import { sum } from '../sum.ts';

/** Of layers whose fresh slots are a ring. */
export interface Rings {
  has(layer: number): boolean;
  /** Most slots of one, whole pages. */
  slots: number;
  /** The first position that is there. */
  base(): number;
  /** Bytes of the planes of so many pages. */
  planeBytes(pages: number): number;
}

/** `planes`: of a ring, if there are such. */
export type FreshSegment = Segment & { readonly planes?: GPUBuffer };

export interface Fresh {
  readonly format: KvFormat;
  /** Positions that every layer has room for. */
  readonly capacity: number;
  layer(index: number): FreshSegment;
  readonly byteLength: number;
  free(): void;
  /**
   * Makes room for `positions`, if there is less. Throws BudgetError where the budget or the GPU has not so much; what was
   * there is kept, in layers of which some may have grown. So bind groups are to be made anew in any case. `slots`: to have
   * then, by default what `grownTo` says.
   */
  grow(device: GPUDevice, positions: number, slots?: number): Promise<void>;
}

/** Up to here they are doubled, which copies less often; beyond, a step is little beside what is there. */
const mostDoubled = 4096;

/** Slots to have where `positions` are needed and there are `capacity`, of a conversation of at most `most`. */
export const grownTo = (capacity: number, positions: number, most: number): number =>
  Math.min(most, Math.max(inSteps(positions), Math.min(2 * capacity, mostDoubled)));

/** Bytes of all layers at first and with `context` positions, and at most of the old pages of the one layer that is growing. */
export function freshBytes(config: Caches, context: number, format: KvFormat): { first: number; full: number; growing: number } {
  const layers = (slots: number) => cachesOf(config).map((heads) => segmentBytes(heads, slots, format));
  return {
    first: sum(layers(Math.min(context, step))),
    full: sum(layers(context)),
    growing: Math.max(0, ...layers(inSteps(context) - step)),
  };
}

/** What so many sequences take, each `full`, with what they share and the one buffer that is there twice as it grows. */
export const bytesTogether = ({ full, growing, shared = 0 }: { full: number; growing: number; shared?: number }, sequences: number): number =>
  sequences * full + shared + growing;

/** The same of plain caches of so many positions. */
export const cacheBytes = (config: Caches, context: number, format: KvFormat, sequences: number): number =>
  bytesTogether(freshBytes(config, context, format), sequences);

/** Copies `count` pages of every head, from page `first` of the positions on, which lie elsewhere in a ring of another size. `sizes`: pages of a head. */
export function copyRing(encoder: GPUCommandEncoder, from: GPUBuffer, to: GPUBuffer, sizes: [number, number], first: number, count: number): void {
  const [before, after] = sizes;
  const bytes = from.size / before;
  for (let page = first; page < first + count; page++) encoder.copyBufferToBuffer(from, (page % before) * bytes, to, (page % after) * bytes, bytes);
}

export function createFresh(ledger: Ledger, config: Caches, context: number, format: KvFormat, rings?: Rings): Fresh {
  const caches = cachesOf(config);
  const isRing = (layer: number) => rings !== undefined && rings.has(layer);
  const make = (layer: number, slots: number): FreshSegment => {
    const bytes = isRing(layer) ? rings!.planeBytes((slots / pageSlots) * caches[layer].kvHeads) : 0;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return ledger.allOrNone(() => {
      const segment = createSegment(ledger, `kv.${layer}`, caches[layer], slots, format);
      return bytes ? { ...segment, planes: ledger.create('kv', `kv.${layer}.planes`, bytes, usage) } : segment;
    });
  };
  const drop = ({ buffer, planes }: FreshSegment) => [buffer, planes].forEach((each) => each && ledger.destroy(each));
  // A ring of fewer slots than the context is made at once: it is what a policy is there for.
  const firstRing = rings && (rings.slots < context ? rings.slots : Math.min(rings.slots, step));
  const layers = caches.map((_, layer) => make(layer, isRing(layer) ? firstRing! : Math.min(context, step)));
  const ringFrom = () => Math.floor((rings?.base() ?? 0) / pageSlots) * pageSlots;
  /** A ring that is as long as rings become has room for any position: what is older has left it by then. */
  const reach = (layer: number): number => {
    const slots = layers[layer].capacity;
    if (!isRing(layer)) return slots;
    return slots >= rings!.slots ? Math.max(context, slots) : slots + ringFrom();
  };
  const capacity = () => Math.min(context, ...layers.map((_, layer) => reach(layer)));

  /** Replaces a layer once its larger buffer is known to be there. */
  async function growLayer(device: GPUDevice, index: number, slots: number): Promise<void> {
    const old = layers[index];
    const next = make(index, slots);
    await settled(ledger, () => drop(next));
    const encoder = device.createCommandEncoder({ label: 'kv.grow' });
    for (const what of ['buffer', 'planes'] as const) {
      const [from, to] = [old[what], next[what]];
      const [before, after] = [old, next].map((each) => each.capacity / pageSlots);
      if (from && to && isRing(index)) copyRing(encoder, from, to, [before, after], ringFrom() / pageSlots, before);
      else if (from && to) encoder.copyBufferToBuffer(from, 0, to, 0, from.size);
    }
    device.queue.submit([encoder.finish()]);
    layers[index] = next;
    drop(old);
  }

  return {
    format,
    get capacity() {
      return capacity();
    },
    layer: (index) => layers[index],
    get byteLength() {
      return layers.reduce((sum, { buffer, planes }) => sum + buffer.size + (planes?.size ?? 0), 0);
    },
    free: () => layers.forEach(drop),
    async grow(device, positions, slots = grownTo(capacity(), positions, context)) {
      for (const index of layers.keys()) {
        if (reach(index) >= positions) continue;
        await growLayer(device, index, isRing(index) ? Math.min(rings!.slots, inSteps(positions - ringFrom())) : slots);
      }
    },
  };
}
