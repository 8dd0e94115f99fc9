// How often items are there when they are used, by a policy and a number of slots: played through on a trace, which is recorded
// or made up. Pure; traces are plain numbers, for each step the ids that it uses.
import { mulberry32 } from '../../../random.ts';
import { type Policy } from './residence/residence.ts';
import { createSlots } from './slots.ts';

export type Trace = readonly (readonly number[])[];

export interface Hits {
  used: number;
  /** Of these, in slots when they were used. */
  there: number;
}

/** And of how many steps, of which so many found all that they used. */
export interface Steps extends Hits {
  steps: number;
  complete: number;
}

/** Plays a trace with a policy; counts from step `from` on. */
export function simulate(trace: Trace, slots: number, policy: Policy, from = 0): Hits {
  const { used, there } = simulateSteps(trace, slots, policy, from);
  return { used, there };
}

/** The same, and how often a step waits for nothing. */
export function simulateSteps(trace: Trace, slots: number, policy: Policy, from = 0): Steps {
  const hits: Steps = { used: 0, there: 0, steps: 0, complete: 0 };
  play(trace, slots, policy, (ids, isThere, time) => {
    if (time < from) return;
    count(hits, ids, isThere);
    hits.steps++;
    if (ids.every(isThere)) hits.complete++;
  });
  return hits;
}

/** Plays a trace with a policy; `each` is told of every step what it uses, before what is missing is brought. */
export function play(
  trace: Trace, slots: number, policy: Policy, each: (ids: readonly number[], isThere: (id: number) => boolean, time: number) => void,
): void {
  const residence = policy.create(slots);
  const held = createSlots(slots, residence);
  const isThere = (id: number) => held.slotOf(id) !== undefined;
  trace.forEach((ids, time) => {
    each(ids, isThere, time);
    for (const id of ids) residence.use(id, time);
    for (let left = ids; left.length > 0; ) {
      const pass = held.next(left);
      for (const { id, slot } of pass.bring) held.brought(id, slot);
      left = left.filter((id) => !pass.ids.includes(id));
    }
  });
}

function count(hits: Hits, ids: readonly number[], isThere: (id: number) => boolean): void {
  hits.used += ids.length;
  hits.there += ids.filter(isThere).length;
}

/**
 * The most that any policy can have: what goes is what is used again last, which nobody knows but afterwards. L. A. Belady, IBM Systems
 * Journal 5 (2), 1966. An item may be used and not
 * stay: so this is a bound that no policy passes, though not all of it may be had.
 */
export function belady(trace: Trace, slots: number, from = 0): Hits {
  const uses = new Map<number, number[]>(); // steps to come, the next one last
  trace.forEach((ids, time) => ids.forEach((id) => uses.set(id, [time, ...(uses.get(id) ?? [])])));
  const held = new Set<number>();
  const hits: Hits = { used: 0, there: 0 };
  const next = (id: number): number => uses.get(id)!.at(-1) ?? Infinity;
  trace.forEach((ids, time) => {
    if (time >= from) count(hits, ids, (id) => held.has(id));
    for (const id of ids) uses.get(id)!.pop();
    for (const id of ids) held.add(id);
    const order = [...held].sort((a, b) => next(b) - next(a));
    for (const id of order.slice(0, Math.max(0, held.size - slots))) held.delete(id);
  });
  return hits;
}

export interface TraceOptions {
  items: number;
  /** Of each step. */
  used: number;
  steps: number;
  /** Item n, in some order, is as likely as (n + 1) ^ -skew. */
  skew: number;
  /** Share of a step's items that it takes over from the step before. */
  kept: number;
  seed: number;
}

/** A trace as a router might make it: some items are liked better than others, and some stay from step to step. */
export function skewedTrace({ items, used, steps, skew, kept, seed }: TraceOptions): number[][] {
  const random = mulberry32(seed);
  const chances = Array.from({ length: items }, (_, n) => (n + 1) ** -skew);
  const draw = (taken: ReadonlySet<number>): number => {
    const open = chances.map((chance, id) => (taken.has(id) ? 0 : chance));
    let at = random() * open.reduce((sum, chance) => sum + chance, 0);
    const found = open.findIndex((chance) => (at -= chance) < 0);
    return found < 0 ? open.findIndex((chance) => chance > 0) : found;
  };
  const trace: number[][] = [];
  while (trace.length < steps) {
    const ids = new Set((trace.at(-1) ?? []).filter(() => random() < kept));
    while (ids.size < Math.min(used, items)) ids.add(draw(ids));
    trace.push([...ids]);
  }
  return trace;
}
