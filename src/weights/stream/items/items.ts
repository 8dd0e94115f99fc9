// Brings the items of pools that a step uses into slots on the GPU: from worker memory, else from where weights are stored. One
// section's items are wanted at a time. No fences, as in stream.ts: a slot is rewritten once the work that used it was submitted.
import { type Layout, itemsTogether } from '../../layout.ts';
import { type SlabRange } from '../slices.ts';
import { createStopwatch } from '../stream.ts';
import { bringItems, underWayBytes } from './bring.ts';
import { type ItemMemory } from './item-memory.ts';
import { type Policy } from './residence/residence.ts';
import { type SlotGroup } from './slot-groups.ts';
import { type Pass, createSlots, tableOf } from './slots.ts';

export interface ItemCounters {
  /** Items that steps wanted, and those of them that were in slots. */
  used: number;
  there: number;
  /** Bytes of the others. */
  broughtBytes: number;
  /** Bytes read for them from where weights are stored, those between them that were read too included; and bytes that were in memory. */
  storeBytes: number;
  memoryBytes: number;
  /** Milliseconds in which something was read or copied. */
  transferMs: number;
}

export interface Items {
  /** Says which items of a section's pool the next step, of so many rows, uses, in any order, and begins to bring them. */
  want(section: number, items: Iterable<number>, rows?: number): void;
  /** Whether all of these are in slots. */
  areThere(section: number, items: Iterable<number>): boolean;
  /** Notes a use of items that are there. */
  use(section: number, items: Iterable<number>, rows?: number): void;
  /** Brings the table of every section up to date, for steps that are run before it is known what they use. */
  writeTables(): void;
  /** Resolves when the next of them are in slots, and their table is queued: `last` where no others are left to be used. */
  next(signal?: AbortSignal): Promise<{ last: boolean }>;
  /** Forgets what was wanted; resolves when nothing is under way. */
  stop(): Promise<void>;
  readonly counters: ItemCounters;
}

export interface ItemsOptions {
  layout: Layout;
  groups: readonly SlotGroup[];
  policy: Policy;
  memory: ItemMemory;
  /** Bytes between columns that are read with them: as many as cost no more than another read. Default 0. */
  gapBytes?: number;
  read(range: SlabRange): Promise<Uint8Array<ArrayBuffer>>;
  /** Resolves when the bytes are queued for slots of a group. */
  upload(group: number, items: readonly { slot: number; bytes: Uint8Array<ArrayBuffer> }[]): Promise<void>;
  /** The slots of a section's items, for kernels to look up. */
  writeTable(section: number, slots: Uint32Array<ArrayBuffer>): void;
  /** Is told every use, as plain numbers. */
  onUse?(section: number, items: readonly number[], rows: number): void;
  now?(): number;
}

/** What is wanted of one section. */
interface Wanted {
  section: number;
  group: number;
  /** Ids that no pass has had yet. */
  left: Set<number>;
  /** The pass under way. */
  current?: { pass: Pass; bringing: Promise<void> };
  /** All is there in one pass, so that a table may name whatever else is there. */
  isOnePass: boolean;
}

export function createItems(options: ItemsOptions): Items {
  const { layout: { sections }, groups, now = () => performance.now() } = options;
  const residences = groups.map(({ slots: count }) => options.policy.create(count));
  const slots = groups.map(({ slots: count }, i) => createSlots(count, residences[i]));
  const firstIds = firstIdsOf(sections);
  const tables = new Map<number, Uint32Array>();
  const busy = createStopwatch(now);
  const counters = { used: 0, there: 0, broughtBytes: 0, storeBytes: 0, memoryBytes: 0, get transferMs() { return busy.ms(); } };
  let time = 0;
  let wanted: Wanted | undefined;
  const groupOf = groupsIn(groups);
  const idsOf = (section: number, items: Iterable<number>) => idsIn(sections[section].pool!.items.length, firstIds[section], items);

  async function bring({ section, group }: Pick<Wanted, 'section' | 'group'>, { bring: missing }: Pass): Promise<void> {
    busy.start();
    const { slotBytes } = groups[group];
    const how = { section, firstId: firstIds[section], atOnce: Math.max(2, Math.floor(underWayBytes / slotBytes)) };
    await bringItems(options, how, missing, counters, async (items) => {
      await options.upload(group, items);
      for (const { id, slot } of items) slots[group].brought(id, slot);
    }).finally(busy.stop);
  }

  /** Begins the next pass. */
  function begin(of: Wanted): NonNullable<Wanted['current']> {
    const pass = slots[of.group].next(nextOf(of.left, groups[of.group].slots, itemsTogether(sections[of.section].pool!), firstIds[of.section]));
    const bringing = bring(of, pass);
    bringing.catch(() => {}); // told by `next`
    for (const id of pass.ids) of.left.delete(id);
    return (of.current = { pass, bringing });
  }

  /** Counts a use, and gives the ids. */
  function note(section: number, group: number, items: Iterable<number>, rows: number): Set<number> {
    const ids = idsOf(section, items);
    options.onUse?.(section, [...ids].map((id) => id - firstIds[section]), rows);
    time++;
    counters.used += ids.size;
    for (const id of ids) {
      if (slots[group].slotOf(id) !== undefined) counters.there++;
      residences[group].use(id, time);
    }
    return ids;
  }

  function writeTable(section: number, group: number, only?: ReadonlySet<number>): void {
    const table = tableOf(slots[group], firstIds[section], sections[section].pool!.items.length, only);
    if (tables.get(section)?.every((slot, item) => slot === table[item])) return;
    options.writeTable(section, table);
    tables.set(section, table);
  }

  return {
    counters,
    areThere: (section, items) => [...idsOf(section, items)].every((id) => slots[groupOf(section)].slotOf(id) !== undefined),
    use: (section, items, rows = 1) => void note(section, groupOf(section), items, rows),
    writeTables: () => groups.forEach((each, group) => each.sections.forEach((section) => writeTable(section, group))),
    want(section, items, rows = 1) {
      if (wanted) throw new Error(`Items of section ${section} are wanted while those of ${wanted.section} are being brought.`);
      const group = groupOf(section);
      const left = note(section, group, items, rows);
      wanted = { section, group, left, isOnePass: false };
      begin(wanted);
      wanted.isOnePass = left.size === 0;
    },
    async next(signal) {
      if (!wanted) throw new Error('No items are wanted.');
      const { section, group, left, isOnePass, current: { pass, bringing } = begin(wanted) } = wanted;
      await bringing;
      signal?.throwIfAborted();
      writeTable(section, group, isOnePass && !sections[section].pool!.columns ? undefined : new Set(pass.ids)); // of neurons there are too many for all
      wanted = left.size ? { ...wanted, current: undefined } : undefined;
      return { last: wanted === undefined };
    },
    async stop() {
      await wanted?.current?.bringing.catch(() => {});
      wanted = undefined;
    },
  };
}

/** The number of the group that a section is in. */
const groupsIn = (groups: readonly SlotGroup[]) => (section: number): number => groups.findIndex((each) => each.sections.includes(section));

/** Ids of the items that there are of those that are named. */
const idsIn = (count: number, first: number, items: Iterable<number>): Set<number> =>
  new Set([...items].filter((item) => item >= 0 && item < count).map((item) => first + item));

/** The ids of the next pass: of columns, whose order counts, the first ones, up to where a block of them ends. */
function nextOf(left: ReadonlySet<number>, most: number, block: number, firstId: number): number[] {
  const ids = [...left];
  if (block === 1 || ids.length <= most) return ids;
  const blockOf = (i: number) => Math.floor((ids[i] - firstId) / block);
  let end = most;
  while (end > 1 && blockOf(end) === blockOf(end - 1)) end--;
  return ids.slice(0, end);
}

/** Id of the first item of each section; every item has an id of its own. */
function firstIdsOf(sections: Layout['sections']): number[] {
  let next = 0;
  return sections.map(({ pool }) => (next += pool?.items.length ?? 0) - (pool?.items.length ?? 0));
}
