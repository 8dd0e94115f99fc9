// Which item is in which slot of a group. Pure bookkeeping: what is wanted for a step is divided into passes of as many items
// as there are slots, and each pass says what has to be brought where. Knows no bytes.
import { noSlot } from '../../../formats/slots.ts';
import { type Residence } from './residence/residence.ts';

/** Some of the items that a step wants, all of which have slots. */
export interface Pass {
  /** To be brought before the pass. */
  bring: { id: number; slot: number }[];
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

export function createSlots(count: number, residence: Pick<Residence, 'worth'>): Slots {
  const slotOf = new Map<number, number>();
  const held: (number | undefined)[] = Array.from({ length: count }, () => undefined);

  /** `most` slots to give away: empty ones, then those whose item is worth least and not to be kept. */
  function free(kept: ReadonlySet<number>, most: number): number[] {
    const all = held.flatMap((id, slot) => (id !== undefined && kept.has(id) ? [] : [{ slot, worth: id === undefined ? -Infinity : residence.worth(id) }]));
    return all.sort((a, b) => a.worth - b.worth || a.slot - b.slot).slice(0, most).map(({ slot }) => slot);
  }

  return {
    next(wanted) {
      const there = wanted.filter((id) => slotOf.has(id));
      const missing = wanted.filter((id) => !slotOf.has(id));
      if (!missing.length) return { bring: [], ids: there };
      const bring = free(new Set(there), missing.length).map((slot, i) => ({ id: missing[i], slot }));
      for (const { slot } of bring) {
        const old = held[slot];
        if (old !== undefined) slotOf.delete(old);
        held[slot] = undefined; // until the new item is there
      }
      return { bring, ids: [...there, ...bring.map(({ id }) => id)] };
    },
    brought(id, slot) {
      held[slot] = id;
      slotOf.set(id, slot);
    },
    slotOf: (id) => slotOf.get(id),
  };
}

/** What a kernel looks up: the slot of each item of a section, `noSlot` of one that is not there or not in `only`. `first`: id of its item 0. */
export function tableOf(slots: Slots, first: number, items: number, only?: ReadonlySet<number>): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: items }, (_, item) => (only && !only.has(first + item) ? noSlot : (slots.slotOf(first + item) ?? noSlot)));
}
