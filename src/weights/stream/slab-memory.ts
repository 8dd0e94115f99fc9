// The tier between the store and the GPU: some ranges of slabs stay in worker memory after their first read, up to a
// number of bytes. Which ones is fixed from the start: in a cyclic scan, what was used least recently is needed next.
import { type SlabRange } from './slices.ts';
import { type WeightsReader } from '../store/reader.ts';

export interface SlabMemory {
  read(range: Omit<SlabRange, 'start'>): Promise<{ bytes: Uint8Array<ArrayBuffer>; fromMemory: boolean }>;
  /** Lets it keep what is wanted of a slab that was just read. */
  offer(slab: number, bytes: Uint8Array<ArrayBuffer>): void;
  readonly byteLength: number;
}

interface Kept extends SlabRange {
  bytes?: Uint8Array<ArrayBuffer>;
}

/** `ranges`: what will be read again and again, in order. `mostBytes` of them are kept, spread evenly. */
export function createSlabMemory(
  reader: Pick<WeightsReader, 'readSlab' | 'readRange'>,
  slabBytes: readonly number[],
  ranges: readonly SlabRange[],
  mostBytes: number,
): SlabMemory {
  const kept = chooseEvenly(ranges, mostBytes);
  let byteLength = 0;

  const keep = (entry: Kept, bytes: Uint8Array<ArrayBuffer>) => {
    if (entry.bytes) return;
    entry.bytes = bytes;
    byteLength += bytes.byteLength;
  };

  const readFromStore = ({ slab, offset, length }: Omit<SlabRange, 'start'>) =>
    length === slabBytes[slab] ? reader.readSlab(slab) : reader.readRange(slab, offset, length);

  return {
    get byteLength() {
      return byteLength;
    },
    async read(range) {
      const entry = kept.find((k) => k.slab === range.slab && k.offset <= range.offset && range.offset + range.length <= k.offset + k.length);
      if (entry?.bytes) {
        const start = range.offset - entry.offset;
        return { bytes: entry.bytes.subarray(start, start + range.length), fromMemory: true };
      }
      const bytes = await readFromStore(range);
      if (entry && entry.length === range.length) keep(entry, bytes);
      return { bytes, fromMemory: false };
    },
    offer(slab, bytes) {
      for (const entry of kept) {
        // A copy, so that a part does not keep the whole slab alive.
        if (entry.slab === slab) keep(entry, entry.length === bytes.byteLength ? bytes : bytes.slice(entry.offset, entry.offset + entry.length));
      }
    },
  };
}

/** Each range gets its share of the bytes; one is taken when the shares so far pay for it. */
function chooseEvenly(ranges: readonly SlabRange[], mostBytes: number): Kept[] {
  const total = ranges.reduce((sum, { length }) => sum + length, 0);
  const share = total > mostBytes ? mostBytes / total : 1;
  const kept: Kept[] = [];
  let seen = 0;
  let taken = 0;
  for (const range of ranges) {
    seen += range.length;
    if (taken + range.length > share * seen) continue;
    taken += range.length;
    kept.push({ ...range });
  }
  return kept;
}
