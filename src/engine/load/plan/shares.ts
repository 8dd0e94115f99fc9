// Which slices of a division stay on the GPU: so many of them, spread evenly. Knows neither kernels nor what else there is
// on the GPU; of what bytes a choice takes it is told whether they are too many.
import { type Slice } from '../../../weights/stream/slices.ts';
import { type Division, bytesOf } from './division.ts';

/** A number of slices that stay, and what follows from it. */
export interface Share {
  kept: number;
  /** Bytes of these slices. */
  keptBytes: number;
  /** The others pass through so many slots in turn, each as large as the largest of them. */
  slots: number;
  slotBytes: number;
  /** Whether the GPU looks up input embeddings, or the CPU reads and uploads the rows of the current tokens. */
  embedding: 'gpu' | 'rows';
}

/** Spread evenly, so that transfer and compute alternate. */
const stays = (i: number, kept: number, of: number): boolean => Math.floor(((i + 1) * kept) / of) > Math.floor((i * kept) / of);

export function shareOf({ order, tables }: Division, kept: number, slots = usualSlots(order.length - kept)): Share {
  let keptBytes = 0;
  let slotBytes = 0;
  for (let i = 0; i < order.length; i++) {
    const here = stays(i, kept, order.length);
    if (here) keptBytes += bytesOf(order[i]);
    else slotBytes = Math.max(slotBytes, bytesOf(order[i]));
  }
  const looksUp = tables?.every((i) => stays(i, kept, order.length)) ?? false;
  return { kept, keptBytes, slots, slotBytes, embedding: looksUp ? 'gpu' : 'rows' };
}

/** With fewer than two slices for each, a slot would hold one for good. */
const usualSlots = (streamed: number): number => (streamed === 0 ? 0 : streamed > 3 ? 2 : 1);

/**
 * The share that keeps most bytes of those that `fits` accepts, or undefined. `roomBytes`: more than this is never accepted.
 * How many bytes are kept does not quite grow with their number, as slices differ in size: so all numbers are tried that may
 * be the best by the sizes alone.
 */
export function mostKept(division: Division, roomBytes: number, fits: (share: Share) => boolean): Share | undefined {
  const { leastBytes, mostBytes } = division;
  let best: Share | undefined;
  for (let kept = lastWithin(leastBytes, roomBytes); kept >= 0 && !(best && mostBytes[kept] <= best.keptBytes); kept--) {
    const share = shareOf(division, kept);
    if (!(best && share.keptBytes <= best.keptBytes) && fits(share)) best = share;
  }
  return best;
}

/** Index of the last of ascending values that is at most `most`, or -1: by halving. */
function lastWithin(values: readonly number[], most: number): number {
  let low = -1;
  let high = values.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= most) low = middle;
    else high = middle;
  }
  return low;
}

/** The slices in the order of storage, those that do not stay with their slots. */
export function placeSlices({ order, vectors }: Division, { kept, slots }: Share): Slice[] {
  let streamed = 0;
  const placed = order.map((slice, i): Slice => (stays(i, kept, order.length) ? slice : { ...slice, slot: streamed++ % slots }));
  return [...vectors, ...placed].sort((a, b) => a.section - b.section || a.start - b.start);
}
