// The items that are held, in the order in which they give way: a heap by worth, in which an item is put right when it comes to the top. So a
// use costs nothing here, and one that gives way the logarithm of how many there are.
import { type Residence } from './residence.ts';

export interface Order {
  /** `tie`: of items that are worth the same the one with the least goes first. */
  add(id: number, tie: number): void;
  /** Takes out the one that is worth least of those that are not to be kept; undefined if there is none. */
  take(kept?: ReadonlySet<number>): number | undefined;
  /** Takes out this one. */
  delete(id: number): void;
  has(id: number): boolean;
  readonly size: number;
}

interface Entry {
  id: number;
  /** As it was when the entry was made: no more than it is now. */
  worth: number;
  tie: number;
}

/** Of a policy that has none of its own. */
export const orderOf = (residence: Residence): Order => residence.order?.() ?? createOrder(residence);

export function createOrder({ worth, falls = () => 0 }: Pick<Residence, 'worth' | 'falls'>): Order {
  const ties = new Map<number, number>(); // of all that are held
  let heap: Entry[] = []; // and entries of others, which are passed over
  let fallen = falls();

  function orderAnew(): void {
    fallen = falls();
    heap = Array.from(ties, ([id, tie]) => ({ id, worth: worth(id), tie })).sort((a, b) => (isBefore(a, b) ? -1 : 1)); // what is sorted is a heap
  }

  /** The first of those that are held, as it is worth now. */
  function first(): Entry | undefined {
    for (let top = pop(heap); top; top = pop(heap)) {
      if (ties.get(top.id) !== top.tie) continue;
      const now = worth(top.id);
      if (now === top.worth) return top;
      push(heap, { ...top, worth: now });
    }
    return undefined;
  }

  return {
    add(id, tie) {
      ties.set(id, tie);
      if (heap.length > 2 * ties.size + 16) orderAnew();
      else push(heap, { id, worth: worth(id), tie });
    },
    take(kept) {
      if (fallen !== falls()) orderAnew();
      const aside: Entry[] = [];
      let found = first();
      for (; found && kept?.has(found.id); found = first()) aside.push(found);
      for (const entry of aside) push(heap, entry);
      if (found) ties.delete(found.id);
      return found?.id;
    },
    delete: (id) => void ties.delete(id),
    has: (id) => ties.has(id),
    get size() {
      return ties.size;
    },
  };
}

const isBefore = (a: Entry, b: Entry): boolean => a.worth < b.worth || (a.worth === b.worth && a.tie < b.tie);

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  for (let above = (at - 1) >> 1; at > 0 && isBefore(entry, heap[above]); above = (at - 1) >> 1) {
    heap[at] = heap[above];
    at = above;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const entry = heap.pop();
  if (!entry || !heap.length) return entry;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below++;
    if (below >= heap.length || !isBefore(heap[below], entry)) break;
    heap[at] = heap[below];
    at = below;
  }
  heap[at] = entry;
  return top;
}
