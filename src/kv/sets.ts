// The sets of one layer of a sequence, whose pages are had when they are needed, and the lists that kernels find them by. Knows no
// policy and no kernel.
import { type Ledger } from '../gpu/ledger.ts';
import { type LayerSets } from '../model/operation.ts';
import { type CacheHeads } from '../model/graph.ts';
import { pageSlots } from './formats/format.ts';
import { chooses, pickedSet, pickedWords, readAtMost, summaryWords } from './pick.ts';
import { type KvSet, type PickPlan, type SetPlan } from './policy.ts';
import { planeBytes } from './plane-bytes.ts';
import { headWords, listWords, pagesOfSet, queryBytes } from './set-bytes.ts';
import { type Shape } from './shape.ts';

export interface Sets extends LayerSets {
  readonly all: readonly KvSet[];
  readonly byteLength: number;
  /** Has pages for so many slots of each kv head. BudgetError where there is no room; nothing has changed then. True where a buffer was replaced. */
  makeRoom(set: KvSet, slots: ArrayLike<number>): Promise<boolean>;
  /** Notes counts, and gives what is to be written to the lists for them: words, from a byte on. */
  count(set: KvSet, counts: ArrayLike<number>): { at: number; words: Uint32Array<ArrayBuffer> };
  /** Notes how many runs of a head tokens read of the set that they pick from, and from which slot on all; gives what is to be written to `picked`. */
  pick(runs: ArrayLike<number>, tails: ArrayLike<number>): Uint32Array<ArrayBuffer>;
  /** Runs that tokens read of each kv head. */
  readonly runs: Uint32Array;
  /** Takes pages, planes and queries of another sequence's. */
  copyFrom(other: Sets): Promise<void>;
  free(): void;
}

interface MutableSet extends KvSet {
  pages: GPUBuffer;
  planes?: GPUBuffer;
  summaries?: GPUBuffer;
  taken: number;
}

/** What a set has for each of its pages. */
const paged = ['pages', 'planes', 'summaries'] as const;
type Paged = Pick<MutableSet, (typeof paged)[number]>;

/** Slots of every head that a set grows by. */
const step = 256;

export function createSets(device: GPUDevice, ledger: Ledger, shape: Shape, layer: number, heads: CacheHeads): Sets {
  const { kvHeads, headDim } = heads;
  const plans = shape.plan.layers[layer];
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const make = (name: string, bytes: number) => ledger.create('kv', `kv.${layer}.${name}`, bytes, usage);
  const pageBytes = plans.map(({ format }) => 4 * format.words(headDim));
  const choosing = pickedSet(plans);
  const pagesFor = (index: number, pages: number) => makePaged((name, bytes) => make(`${name}.${index}`, bytes), shape, plans[index], headDim, pages);
  const firsts = firstsOf(plans, heads);
  const lists = make('lists', 4 * listWords(plans, headDim));
  device.queue.writeBuffer(lists, 0, Uint32Array.from(firsts.flat().flatMap((first) => [first, 0])));
  const queries = shape.plan.queries ? make('queries', queryBytes(shape.plan, shape.attended[layer].queryHeads, headDim)) : undefined;
  const picked = choosing && chooses(choosing, layer) ? make('picked', 4 * pickedWords(choosing, shape.attended[layer].queryHeads, headDim)) : undefined;
  /** Runs that each kv head has been told to read. */
  const runs = new Uint32Array(kvHeads);
  const sets = plans.map(({ format }, index): MutableSet => ({
    index, format, ...pagesFor(index, 1), taken: 0, counts: new Uint32Array(kvHeads), room: new Uint32Array(kvHeads), tails: new Uint32Array(kvHeads),
  }));
  const buffers = () => [...sets.flatMap((set) => paged.flatMap((name) => set[name] ?? [])), ...[lists, picked, queries].flatMap((buffer) => buffer ?? [])];
  const read = (set: KvSet) => (choosing ? readOf(choosing.pick, set, runs) : Math.max(...set.counts));

  const result: Sets = {
    all: sets,
    get pages() {
      return sets.map(({ pages }) => ({ buffer: pages }));
    },
    lists: { buffer: lists },
    get read() {
      return sets.map(read);
    },
    picked: bindingOf(picked),
    queries: bindingOf(queries),
    get summaries() {
      return bindingOf(sets[0].summaries);
    },
    get planes() {
      return bindingOf(sets[0].planes);
    },
    get byteLength() {
      return buffers().reduce((sum, { size }) => sum + size, 0);
    },
    async makeRoom({ index }, slots) {
      const set = sets[index];
      const more = Array.from(slots, (count, head) => Math.max(0, Math.ceil((count - set.room[head]) / pageSlots)));
      const needed = set.taken + more.reduce((a, b) => a + b, 0);
      if (needed === set.taken) return false;
      const most = pagesOfSet(plans[index]);
      if (needed > most) throw new Error(`A set of layer ${layer} was to have ${needed} pages; ${most} were planned.`);
      const grows = needed * pageBytes[index] > set.pages.size;
      const each = (kvHeads * step) / pageSlots;
      if (grows) await replace(device, ledger, set, ledger.allOrNone(() => pagesFor(index, Math.min(most, Math.ceil(needed / each) * each))));
      more.forEach((pages, head) => {
        const at = firsts[index][head] + set.room[head] / pageSlots;
        if (pages) device.queue.writeBuffer(lists, 4 * at, Uint32Array.from({ length: pages }, () => set.taken++));
        set.room[head] += pages * pageSlots;
      });
      return grows;
    },
    count({ index }, counts) {
      sets[index].counts.set(counts);
      return { at: 8 * index * kvHeads, words: Uint32Array.from(firsts[index].flatMap((first, head) => [first, counts[head]])) };
    },
    pick(wanted, tails) {
      runs.set(wanted);
      sets[0].tails.set(Array.from(tails, (tail) => Math.max(choosing!.pick.first, tail)));
      return Uint32Array.from(Array.from(runs, (many, head) => [many, sets[0].tails[head], 0, 0]).flat());
    },
    async copyFrom(other) {
      for (const set of sets) await result.makeRoom(set, other.all[set.index].room);
      const pairs = sets.flatMap((set) => paged.map((name) => [(other.all[set.index] as MutableSet)[name], set[name]]));
      copyAll(device, [...pairs, [other.queries?.buffer, queries], [other.lists.buffer, lists], [other.picked?.buffer, picked]]);
      sets.forEach((set, index) => takeNumbers(set, other.all[index] as MutableSet));
      runs.set(other.runs);
    },
    runs,
    free: () => buffers().forEach((buffer) => ledger.destroy(buffer)),
  };
  return result;
}

/** What a set has for so many pages. */
function makePaged(make: (name: string, bytes: number) => GPUBuffer, { plan, format }: Shape, set: SetPlan, headDim: number, pages: number): Paged {
  const summary = set.pick && summaryWords(set.pick, format, headDim);
  return {
    pages: make('set', 4 * pages * set.format.words(headDim)),
    ...(plan.planes.length && !set.bare && { planes: make('planes', planeBytes(plan, pages)) }),
    ...(summary && { summaries: make('summaries', 4 * pages * summary) }),
  };
}

/** Where the list of each set's head begins, which is as long as with all its pages taken: (set, kv head), in words. */
function firstsOf(plans: readonly SetPlan[], { kvHeads, headDim }: CacheHeads): number[][] {
  let words = 2 * plans.length * kvHeads;
  return plans.map((set) => set.mostSlots.map((slots) => {
    const first = words + headWords(set, headDim);
    words = first + Math.ceil(slots / pageSlots);
    return first;
  }));
}

/** Slots that a token reads at most, of the head that reads most. */
const readOf = (pick: PickPlan, { counts, tails }: KvSet, runs: Uint32Array): number =>
  Math.max(...Array.from(counts, (count, head) => readAtMost(pick, count, runs[head], tails[head])));

const bindingOf = (buffer: GPUBuffer | undefined) => buffer && { buffer };

function takeNumbers(set: MutableSet, { taken, counts, tails }: MutableSet): void {
  set.taken = taken;
  set.counts.set(counts);
  set.tails.set(tails);
}

/** Replaces the buffers of a set by larger ones, once those are known to be there. */
async function replace(device: GPUDevice, ledger: Ledger, set: MutableSet, next: Paged): Promise<void> {
  const free = (old: Paged) => paged.forEach((name) => old[name] && ledger.destroy(old[name]));
  try {
    await ledger.settle();
  } catch (error) {
    free(next);
    throw error;
  }
  copyAll(device, paged.map((name) => [set[name], next[name]]));
  free(set);
  Object.assign(set, next);
}

/** Copies what is in the first of each two buffers, as far as it is there and there is room. */
function copyAll(device: GPUDevice, pairs: readonly (GPUBuffer | undefined)[][]): void {
  const encoder = device.createCommandEncoder({ label: 'kv.set.copy' });
  for (const [from, to] of pairs) if (from && to) encoder.copyBufferToBuffer(from, 0, to, 0, Math.min(from.size, to.size));
  device.queue.submit([encoder.finish()]);
}
