// Items on demand without a GPU: which are where, what is brought, and what is left when something fails.
import { describe, expect, it } from 'vitest';
import { noSlot } from '../../../formats/slots.ts';
import { type Layout, type Pool } from '../../layout.ts';
import { createItemMemory } from './item-memory.ts';
import { createItems } from './items.ts';
import { leastRecent } from './residence/least-recent.ts';
import { divideSlots, groupBytes } from './slot-groups.ts';

/** Sections with pools of `counts` items of `itemBytes`, behind 10 bytes of other weights, in slabs of 100 bytes. */
function layoutOf(counts: readonly number[], itemBytes = 40): Layout {
  const sections = counts.map((count, i) => {
    const pool: Pool = { offset: 10, itemBytes, items: Array.from({ length: count }, () => []) };
    return { name: `layer.${i}`, vectors: [], vectorBytes: 0, stacks: [], pool, byteLength: 10 + count * itemBytes };
  });
  const slabs = sections.flatMap(({ byteLength }, section) =>
    Array.from({ length: Math.ceil(byteLength / 100) }, (_, n) => ({ section, offset: 100 * n, byteLength: Math.min(100, byteLength - 100 * n) })),
  );
  return { sections, slabs, byteLength: sections.reduce((sum, { byteLength }) => sum + byteLength, 0) };
}

/** The byte of a section at a place: told apart from all others near it. */
const byteAt = (section: number, at: number) => (31 * section + at) % 251;

function open({ counts = [4, 4], slots = 3, memoryBytes = 0 } = {}) {
  const layout = layoutOf(counts);
  const seen = { reads: 0, broken: false, slots: Array.from({ length: slots }, () => new Uint8Array(40)), tables: new Map<number, number[]>() };
  const items = createItems({
    layout, groups: [{ sections: counts.map((_, i) => i), slots, slotBytes: 40 }], policy: leastRecent, memory: createItemMemory(memoryBytes),
    async read({ slab, offset, length }) {
      seen.reads++;
      await Promise.resolve();
      if (seen.broken) throw new Error('The disk is gone.');
      return Uint8Array.from({ length }, (_, i) => byteAt(layout.slabs[slab].section, layout.slabs[slab].offset + offset + i));
    },
    upload: async (_, brought) => brought.forEach(({ slot, bytes }) => seen.slots[slot].set(bytes)),
    writeTable: (section, table) => void seen.tables.set(section, [...table]),
  });
  /** The items of each pass, whose bytes have to be in the slots that the table says. */
  async function use(section: number, wanted: number[]): Promise<number[][]> {
    const passes: number[][] = [];
    items.want(section, wanted);
    for (let last = false; !last; ) {
      ({ last } = await items.next());
      const table = seen.tables.get(section)!;
      const there = table.flatMap((slot, item) => (slot === noSlot ? [] : [item]));
      const bytesOf = (item: number) => Array.from({ length: 40 }, (_, i) => byteAt(section, 10 + 40 * item + i));
      for (const item of there) expect([...seen.slots[table[item]]], `item ${item}`).toEqual(bytesOf(item));
      passes.push(there);
    }
    return passes;
  }
  return { items, seen, use };
}

describe('items on demand', () => {
  it('brings what is missing and nothing else', async () => {
    const { items, use } = open();
    expect(await use(0, [1, 2])).toEqual([[1, 2]]);
    expect(await use(0, [2, 1])).toEqual([[1, 2]]);
    expect(await use(1, [3])).toEqual([[3]]);
    expect(await use(0, [1])).toEqual([[1, 2]]); // what is there too does no harm
    expect(items.counters).toMatchObject({ used: 6, there: 3, storeBytes: 120, memoryBytes: 0 });
    expect(await use(0, [0, 2])).toEqual([[0, 1, 2]]); // in the slot of 3 of section 1, the least recent one
    expect(items.counters).toMatchObject({ used: 8, there: 4, storeBytes: 160 });
  });

  it('uses more items than there are slots in several passes, each item in one', async () => {
    for (const slots of [1, 2, 3]) {
      const { use } = open({ slots });
      await use(0, [3]);
      const passes = await use(0, [0, 1, 2, 3]);
      expect(passes.flat().sort()).toEqual([0, 1, 2, 3]);
      expect(passes).toHaveLength(Math.ceil(4 / slots));
      expect(passes[0]).toContain(3); // as it was there
    }
  });

  it('passes over items that there are none of, as a router that computes wrongly may name them', async () => {
    const { use, items } = open();
    expect(await use(0, [1, 4, 2 ** 32 - 1, 1])).toEqual([[1]]);
    expect(await use(0, [])).toEqual([[1]]);
    expect(items.counters.used).toBe(1);
  });

  it('reads an item again only if worker memory has lost it', async () => {
    const { items, use } = open({ slots: 1, memoryBytes: 80 });
    for (const item of [0, 1, 0, 1, 2, 1, 0]) await use(0, [item]);
    expect(items.counters).toMatchObject({ used: 7, there: 0, storeBytes: 4 * 40, memoryBytes: 3 * 40 });
  });

  it('tells an error of a read, and goes on once reads work', async () => {
    const { items, seen, use } = open();
    await use(0, [0]);
    seen.broken = true;
    await expect(use(0, [0, 1, 2])).rejects.toThrow('The disk is gone.');
    seen.broken = false;
    await items.stop();
    expect(await use(0, [0, 1, 2])).toEqual([[0, 1, 2]]);
  });

  it('goes on after a step that was ended before its items were used', async () => {
    const { items, use } = open();
    items.want(0, [0, 1]);
    await items.stop();
    expect(await use(1, [2])).toEqual([[2]]);
    items.want(0, [0, 1, 2, 3]);
    await expect(items.next(AbortSignal.abort())).rejects.toThrow(/abort/i);
    await items.stop();
    expect(await use(0, [3])).toHaveLength(1);
  });
});

describe('worker memory of items', () => {
  it('never has more than its bytes, and loses what was fetched longest ago', () => {
    const memory = createItemMemory(100);
    for (const id of [1, 2, 3]) memory.put(id, new Uint8Array(30));
    memory.get(1);
    memory.put(4, new Uint8Array(40));
    expect([1, 2, 3, 4].map((id) => memory.get(id) !== undefined)).toEqual([true, false, true, true]);
    expect(memory.byteLength).toBe(100);
    memory.put(5, new Uint8Array(101));
    expect(memory.get(5)).toBeUndefined();
    memory.put(4, new Uint8Array(10));
    expect(memory.byteLength).toBe(70);
  });
});

describe('groups of slots', () => {
  const layout = { ...layoutOf([8, 8, 8]), sections: [...layoutOf([8, 8, 8]).sections, ...layoutOf([16], 20).sections] };
  const all = 3 * 8 * 40 + 16 * 20;

  it('are one for each size of items, and take no more than their room', () => {
    for (const room of [0, 100, 500, 1000, all, 2 * all]) {
      const groups = divideSlots(layout, room, 0);
      expect(groups.map(({ sections, slotBytes }) => [sections, slotBytes])).toEqual([[[0, 1, 2], 40], [[3], 20]]);
      expect(groupBytes(groups)).toBeLessThanOrEqual(Math.min(room, all));
      expect(groupBytes(groups)).toBeGreaterThan(Math.min(room, all) - 60);
    }
  });

  it('have as many slots as they need at least', () => {
    expect(divideSlots(layout, 0, 2).map(({ slots }) => slots)).toEqual([2, 2]);
  });

  it('take no more than their room where few sections have items of other sizes, as long as all have what they need', () => {
    const kinds = [layoutOf(Array<number>(45).fill(128), 26), ...[30, 32, 34].map((size) => layoutOf([128], size))];
    const mixed = { ...layout, sections: kinds.flatMap(({ sections }) => sections) };
    for (const room of [1200, 2000, 4000, 8000]) {
      const groups = divideSlots(mixed, room, 8);
      expect(groups.map(({ sections }) => sections.length)).toEqual([45, 1, 1, 1]);
      for (const { slots } of groups) expect(slots).toBeGreaterThanOrEqual(8);
      expect(groupBytes(groups)).toBeLessThanOrEqual(room);
      expect(groupBytes(groups)).toBeGreaterThan(room - 4 * 34);
    }
    expect(divideSlots(mixed, 0, 8).map(({ slots }) => slots)).toEqual([8, 8, 8, 8]);
  });

  it('have buffers that a device allows, which divides the sections', () => {
    const groups = divideSlots(layout, all, 1, 8 * 40);
    expect(groups).toEqual([...[0, 1, 2].map((section) => ({ sections: [section], slots: 8, slotBytes: 40 })), { sections: [3], slots: 16, slotBytes: 20 }]);
    // Two groups of one and two sections would have more slots in the second one than its buffer has room for.
    expect(divideSlots(layoutOf([8, 8, 8]), 24 * 40, 1, 13 * 40).map(({ slots }) => slots)).toEqual([8, 8, 8]);
    expect(divideSlots(layout, all, 1, 3 * 40).map(({ slots, slotBytes }) => slots * slotBytes)).toEqual([120, 120, 120, 120]);
  });
});
