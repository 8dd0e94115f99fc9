// Reads of stored weights that are no smaller than they should be: ranges that follow each other in use and in storage are
// read as one and handed over one by one. How large a read should be is cost-model.ts's business.
import { type SlabRange } from './slices.ts';

/** Runs of ranges that lie side by side in one slab, in the order of use, each of at least `leastBytes` if there is so much. */
export function joinRanges(ranges: readonly SlabRange[], leastBytes: number): SlabRange[][] {
  const runs: SlabRange[][] = [];
  for (const range of ranges) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && last.slab === range.slab && last.offset + last.length === range.offset && bytesOf(run) < leastBytes) run.push(range);
    else runs.push([range]);
  }
  return runs;
}

const bytesOf = (run: readonly SlabRange[]): number => run.reduce((sum, { length }) => sum + length, 0);

/** The range that covers a run. */
export const spanOf = (run: readonly SlabRange[]): SlabRange => ({ ...run[0], length: bytesOf(run) });

interface Got {
  bytes: Uint8Array<ArrayBuffer>;
  fromMemory: boolean;
}

/** Reads a range of one of `runs` by reading the run, which is kept until each of its ranges was handed over once. */
export function joinedReads(runs: readonly SlabRange[][], read: (range: SlabRange) => Promise<Got>): (range: SlabRange) => Promise<Got> {
  const pending = new Map<SlabRange[], { reading: Promise<Got>; handed: Set<number> }>();
  return async (range) => {
    const run = runs.find((each) => each.some(({ slab, offset }) => slab === range.slab && offset === range.offset));
    if (!run || run.length === 1) return read(range);
    let entry = pending.get(run);
    if (!entry || entry.handed.has(range.offset)) {
      entry = { reading: read(spanOf(run)), handed: new Set() };
      pending.set(run, entry);
    }
    entry.handed.add(range.offset);
    if (entry.handed.size === run.length) pending.delete(run);
    try {
      const { bytes, fromMemory } = await entry.reading;
      const start = range.offset - run[0].offset;
      return { bytes: bytes.subarray(start, start + range.length), fromMemory };
    } catch (error) {
      if (pending.get(run) === entry) pending.delete(run);
      throw error;
    }
  };
}
