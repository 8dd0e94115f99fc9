// A segment: slots of keys and values of one layer, in pages of one format and one buffer. Knows no positions and no kernels.
import { type Ledger } from '../gpu/ledger.ts';
import { type CacheHeads, type ModelConfig } from '../model/graph.ts';
import { type KvFormat, type PageFormat, pageSlots } from './formats/format.ts';

export interface Segment {
  readonly format: KvFormat;
  /** Slots of every kv head that there is room for. */
  readonly capacity: number;
  /** Pages, as (slot / 32, kv head). */
  readonly buffer: GPUBuffer;
}

export type KvHeads = CacheHeads;
/** What says of a model which caches it has. */
export type Caches = Pick<ModelConfig, 'layers' | 'kvHeads' | 'headDim' | 'caches'>;

/** The heads of each cache. */
export const cachesOf = ({ layers, kvHeads, headDim, caches }: Caches): readonly KvHeads[] =>
  caches ?? new Array<KvHeads>(layers).fill({ kvHeads, headDim });

/** Bytes of the pages of one layer. */
export const segmentBytes = ({ kvHeads, headDim }: KvHeads, slots: number, format: PageFormat): number =>
  Math.ceil(slots / pageSlots) * kvHeads * 4 * format.words(headDim);

/** Bytes of the keys and values of one position of a layer. */
export const positionBytes = (heads: KvHeads, format: PageFormat): number => segmentBytes(heads, pageSlots, format) / pageSlots;

/** Zero-filled. Throws BudgetError as the ledger does. */
export function createSegment(ledger: Ledger, label: string, heads: KvHeads, capacity: number, format: KvFormat): Segment {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return { format, capacity, buffer: ledger.create('kv', label, segmentBytes(heads, capacity, format), usage) };
}

/** Slots of every head that sets grow by, and fresh ones at least. */
export const slotsOfStep = 256;

export const inSteps = (positions: number): number => Math.ceil(positions / slotsOfStep) * slotsOfStep;
