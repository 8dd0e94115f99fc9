import { describe, expect, it } from 'vitest';
import { joinedReads, joinRanges, spanOf } from './joined-reads.ts';
import { type SlabRange } from './slices.ts';

const range = (slab: number, offset: number, length: number): SlabRange => ({ slab, offset, length, start: offset });
const ranges = [range(0, 0, 10), range(0, 10, 10), range(0, 20, 10), range(1, 0, 10), range(1, 20, 10)];

describe('ranges are joined', () => {
  it('up to the bytes that a read should have, not further', () => {
    expect(joinRanges(ranges, 1).map((run) => run.length)).toEqual([1, 1, 1, 1, 1]);
    expect(joinRanges(ranges, 15).map((run) => run.length)).toEqual([2, 1, 1, 1]);
    expect(joinRanges(ranges, 30).map((run) => run.length)).toEqual([3, 1, 1]);
  });

  it('within a slab and only where nothing lies between', () => {
    const runs = joinRanges(ranges, 1000);
    expect(runs.map((run) => spanOf(run))).toEqual([range(0, 0, 30), range(1, 0, 10), range(1, 20, 10)]);
  });
});

describe('a joined read', () => {
  const reader = (fails = 0) => {
    const asked: SlabRange[] = [];
    const read = joinedReads(joinRanges(ranges, 30), async (each) => {
      asked.push(each);
      if (asked.length <= fails) throw new Error('The disk is gone.');
      return { bytes: Uint8Array.from({ length: each.length }, (_, i) => each.offset + i), fromMemory: false };
    });
    return { asked, read };
  };

  it('is made once for all ranges of a run, each with its own bytes, and again in the next round', async () => {
    const { asked, read } = reader();
    for (let round = 1; round <= 2; round++) {
      for (const each of ranges.slice(0, 3)) expect((await read(each)).bytes).toEqual(Uint8Array.from({ length: 10 }, (_, i) => each.offset + i));
      expect(asked).toHaveLength(round);
    }
  });

  it('is made again for a range that was handed over before: what an earlier run left behind is no answer', async () => {
    const { asked, read } = reader();
    await read(ranges[0]);
    await read(ranges[0]);
    expect(asked).toHaveLength(2);
  });

  it('that fails is not remembered', async () => {
    const { asked, read } = reader(1);
    await expect(read(ranges[0])).rejects.toThrow('The disk is gone.');
    expect((await read(ranges[0])).bytes[1]).toBe(1);
    expect(asked).toHaveLength(2);
  });
});
