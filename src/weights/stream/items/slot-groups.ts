// Slots for items of pools that are fetched on demand: sections whose items have one size share the slots of a group, so that
// a section whose items are used more evenly than another's may have more of them. Pure; the plan asks how many there are room for.
import { type Layout, itemsTogether } from '../../layout.ts';

export interface SlotGroup {
  /** Sections whose items pass through these slots. */
  sections: number[];
  slots: number;
  /** Of a slot, and of every item. */
  slotBytes: number;
}

export const groupBytes = (groups: readonly SlotGroup[]): number => groups.reduce((sum, { slots, slotBytes }) => sum + slots * slotBytes, 0);

/** Sections with a pool, by the bytes of an item. */
function bySize({ sections }: Layout): Map<number, number[]> {
  const found = new Map<number, number[]>();
  sections.forEach(({ pool }, section) => pool && found.set(pool.itemBytes, [...(found.get(pool.itemBytes) ?? []), section]));
  return found;
}

/**
 * Groups of slots in `roomBytes`, shared out by the bytes of the pools; each group has `least` slots at least, and as many as have to be there
 * at once, though all take more then. A group has one buffer, of `mostBytes` at most: where there is room for more, the sections are several groups.
 */
export function divideSlots(layout: Layout, roomBytes: number, least: number, mostBytes = Infinity): SlotGroup[] {
  const itemsOf = (sections: readonly number[]) => sections.reduce((sum, section) => sum + layout.sections[section].pool!.items.length, 0);
  const leastOf = (sections: readonly number[]) =>
    Math.max(least, ...sections.map((section) => layout.sections[section].pool!).map((pool) => (pool.columns ? itemsTogether(pool) : 0)));
  const kinds = [...bySize(layout)];
  const allBytes = kinds.reduce((sum, [slotBytes, sections]) => sum + slotBytes * itemsOf(sections), 0);
  const share = Math.min(1, roomBytes / allBytes);
  const groups = kinds.flatMap(([slotBytes, sections]) => {
    const wanted = Math.floor(share * itemsOf(sections));
    const mostSlots = Math.max(1, Math.floor(mostBytes / slotBytes));
    const parts = partsOf(sections.length, wanted, mostSlots);
    return evenly(sections, parts).map((own): SlotGroup => {
      const slots = Math.floor((wanted * own.length) / sections.length);
      return { sections: own, slots: Math.min(Math.max(slots, leastOf(own)), mostSlots, itemsOf(own)), slotBytes };
    });
  });
  // What small groups have beyond their share, those with the most give.
  for (let excess = groupBytes(groups) - roomBytes; excess > 0; ) {
    const largest = groups.reduce((a, b) => (b.slots > a.slots ? b : a));
    if (largest.slots <= leastOf(largest.sections)) break;
    largest.slots--;
    excess -= largest.slotBytes;
  }
  return groups;
}

/** In how many groups so many sections have `wanted` slots together, as evenly as they can be divided, and none has more than `most`. */
function partsOf(sections: number, wanted: number, most: number): number {
  let parts = Math.min(sections, Math.max(1, Math.ceil(wanted / most)));
  while (parts < sections && Math.floor((wanted * Math.ceil(sections / parts)) / sections) > most) parts++;
  return parts;
}

function evenly<T>(values: readonly T[], parts: number): T[][] {
  return Array.from({ length: parts }, (_, i) => values.slice(Math.floor((i * values.length) / parts), Math.floor(((i + 1) * values.length) / parts)));
}
