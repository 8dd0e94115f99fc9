// What stays where there is no room for all: a policy says how much each item is worth keeping, by its uses so far; where
// one has to go, it is the one worth least. Ids and times are plain numbers, so that policies are compared on recorded uses.
import { type Order } from './order.ts';

export interface Residence {
  /** Notes that an item is used at a time; times never fall. */
  use(id: number, time: number): void;
  /** The higher, the longer an item stays. Less than any other for one that was never used. */
  worth(id: number): number;
  /** Grows when items are worth less than before: else what an item is worth only grows, by its uses. */
  falls?(): number;
  /** What is held in the order in which it gives way, where a policy keeps it better than by `worth` and `falls`. */
  order?(): Order;
}

/** A policy by name, and how it is made for so many slots. */
export interface Policy {
  name: string;
  create(slots: number): Residence;
}

export const worthNothing = -Infinity;
