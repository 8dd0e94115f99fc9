// Which item is in which slot of a group. Pure bookkeeping: what is wanted for a step is divided into passes of as many items
// as there are slots, and each pass says what has to be brought where. Knows no bytes.
import { noSlot } from '../../../formats/slots.ts';
import { createOrder, orderOf } from './residence/order.ts';
import { type Residence } from './residence/residence.ts';

/** An item that is to be brought, and where. */
export interface Bring {
  id: number;
  slot: number;
}

/** Some of the items that a step wants, all of which have slots. */
export interface Pass {
  /** To be brought before the pass. */
  bring: Bring[];
  /** All items of the pass. */
  ids: number[];
}

export interface Slots {
  /** The next pass: of `wanted`, those that are there, and others while there are slots. */
  next(wanted: readonly number[]): Pass;
  /** An item that was to be brought is in its slot. */
  brought(id: number, slot: number): void;
  /** undefined for one that is not there. */
  slotOf(id: number): number | undefined;
}

export function createSlots(count: number, residence: Residence): Slots {
  const slotOf = new Map<number, number>();
  const order = orderOf(residence);
  const empty = createOrder({ worth: () => 0 }); // slots, the first one first
  const given = new Set<number>(); // slots of passes whose items are not there yet
  for (let slot = 0; slot < count; slot++) empty.add(slot, slot);

  /** A slot to give away: an empty one, or that of the item that is worth least and not to be kept. */
  function free(kept: ReadonlySet<number>): number | undefined {
    const slot = empty.take();
    if (slot !== undefined) return slot;
    const id = order.take(kept);
    if (id === undefined) return undefined;
    const old = slotOf.get(id);
    slotOf.delete(id);
    return old;
  }

  return {
    next(wanted) {
      const there = wanted.filter((id) => slotOf.has(id));
      const missing = wanted.filter((id) => !slotOf.has(id));
      if (!missing.length) return { bring: [], ids: there };
      for (const slot of given) empty.add(slot, slot); // their items never came
      given.clear();
      const kept = new Set(there);
      const bring: Pass['bring'] = [];
      for (const id of missing) {
        const slot = free(kept);
        if (slot === undefined) break;
        given.add(slot);
        bring.push({ id, slot });
      }
      return { bring, ids: [...there, ...bring.map(({ id }) => id)] };
    },
    brought(id, slot) {
      given.delete(slot);
      slotOf.set(id, slot);
      order.add(id, slot);
    },
    slotOf: (id) => slotOf.get(id),
  };
}

/** What a kernel looks up: the slot of each item of a section, `noSlot` of one that is not there or not in `only`. `first`: id of its item 0. */
export function tableOf(slots: Slots, first: number, items: number, only?: ReadonlySet<number>): Uint32Array<ArrayBuffer> {
  const table = new Uint32Array(items).fill(noSlot);
  if (only) for (const id of only) table[id - first] = slots.slotOf(id) ?? noSlot;
  else table.forEach((_, item) => (table[item] = slots.slotOf(first + item) ?? noSlot));
  return table;
}
