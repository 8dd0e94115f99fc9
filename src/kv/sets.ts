// The sets of one layer of a sequence, whose pages are had when they are needed, and the lists that kernels find them by. Knows no
// policy and no kernel.
import { RequestError } from '../errors.ts';
import { type Ledger, settled } from '../gpu/ledger.ts';
import { type Binding } from '../gpu/program.ts';
import { type LayerSets } from '../model/operation.ts';
import { type CacheHeads } from '../model/graph.ts';
import { bookWords } from './codes.ts';
import { type PageFormat, pageSlots } from './formats/format.ts';
import { chooses, pagesKnown, pickedSet, pickedWords, readAtMost, summaryWords } from './pick.ts';
import { type KvSet, type PickPlan, type SetPlan } from './policy.ts';
import { type Restored } from './latents/restored.ts';
import { planeBytes } from './plane-bytes.ts';
import { framesOfSet, headWords, listWords, pagesOfSet, pagesOfStep, queryBytes } from './set-bytes.ts';
import { begunBytes, isRemade, markRanges } from './shadow.ts';
import { type Shape } from './shape.ts';
import { type Paging, createPaging } from './tiers/paging.ts';

export interface Sets extends LayerSets {
  readonly all: readonly KvSet[];
  readonly byteLength: number;
  /** Has pages for so many slots of each kv head. BudgetError where there is no room; nothing has changed then. True where a buffer was replaced. */
  makeRoom(set: KvSet, slots: ArrayLike<number>): Promise<boolean>;
  /** Notes counts, and gives what is to be written to the lists for them: words, from a byte on. */
  count(set: KvSet, counts: ArrayLike<number>): { at: number; words: Uint32Array<ArrayBuffer> };
  /** Notes how many runs of a head tokens read of the set that they pick from, and from which slot on all; gives what is to be written to `picked`. */
  pick(runs: ArrayLike<number>, tails: ArrayLike<number>): Uint32Array<ArrayBuffer>;
  /** Has room for what is known of so many slots together, and nothing there. BudgetError where there is no room. True where a buffer was replaced. */
  resize(size: number): Promise<boolean>;
  /** Notes that keys are kept in low rank from now on. */
  setLow(): void;
  /** Notes that they are as they were made, and that no run is an outlier, until they are in low rank again. */
  setWhole(): void;
  readonly keyless?: { pages: { buffer: GPUBuffer }; count: number; waiting: Set<number> };
  /** Where keys are made again in place: those of the row that is not full, as they were. */
  readonly begun?: GPUBuffer;
  /** Runs that tokens read of each kv head. */
  readonly runs: Uint32Array;
  /** Which pages are on the GPU, where not all are. */
  readonly paging?: Paging;
  /** Takes pages, planes and queries of another sequence's. */
  copyFrom(other: Sets): Promise<void>;
  /** What is to be kept of them elsewhere. */
  readonly held: HeldSets;
  /** Has room for what `held` tells, and its numbers; the bytes of its buffers are the caller's to write. RequestError for others, BudgetError. */
  take(numbers: HeldNumbers): Promise<void>;
  /** Has no page in use, as at first, so that lists are written anew as pages are taken; what counts are told to kernels is the caller's to write. */
  empty(): void;
  free(): void;
}

/** Buffers as far as they are used, always in the same order, those of pages with what they are made of and how many were planned, and their numbers. */
export interface HeldSets {
  buffers: readonly { buffer: GPUBuffer; byteLength: number; pages?: { format: PageFormat; most: number } }[];
  numbers: HeldNumbers;
}

export interface HeldNumbers {
  /** Of each set its pages, and of each kv head slots, room and where its tail begins. */
  sets: { taken: number; counts: number[]; room: number[]; tails: number[] }[];
  /** Of each kv head the runs that tokens read. */
  runs: number[];
  /** Slots that something is known of together, where that is a layer's own. */
  size?: number;
  /** Whether its keys are kept in low rank. */
  isLow?: true;
}

interface MutableSet extends KvSet {
  pages: GPUBuffer;
  planes?: GPUBuffer;
  summaries?: GPUBuffer;
  taken: number;
  size?: number;
  isLow?: boolean;
}

/** What a set has for each of its pages. */
const paged = ['pages', 'planes', 'summaries'] as const;
type Paged = Pick<MutableSet, (typeof paged)[number]>;
type PagedBytes = Partial<Record<keyof Paged, number>>;

const usage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

/** What a layer has of its sequence's or model's. */
export interface Shared extends Pick<Sets, 'whole' | 'answer'> {
  /** Of its latents, and where they are made keys and values again. */
  basis?: GPUBuffer;
  restored?: Restored;
}

export function createSets(device: GPUDevice, ledger: Ledger, shape: Shape, layer: number, heads: CacheHeads, shared: Shared = {}): Sets {
  const { kvHeads, headDim } = heads;
  const { basis, restored, ...elsewhere } = shared;
  const plans = shape.plan.layers[layer];
  const make = (name: string, bytes: number) => ledger.create('kv', `kv.${layer}.${name}`, bytes, usage());
  const choosing = pickedSet(plans);
  const own: Making = { device, ledger, shape, layer, heads, restored, make };
  const firsts = firstsOf(plans, heads);
  const lists = makeLists(device, make('lists', 4 * listWords(plans, headDim)), firsts);
  const { queries, picked, chosen, books, keyless, begun } = makeSingle(make, shape, layer, headDim);
  const runs = new Uint32Array(kvHeads); // that each has been told to read
  const sets = plans.map((plan, index) => emptySet(index, plan, kvHeads, makePaged(own, index, plan.frames ?? 1, plan.pick?.sizes && plan.pick.each)));
  const paging = choosing?.frames ? createPaging(device, choosing, firsts[0], lists) : undefined;
  const single = [lists, picked, chosen, queries, books, begun].flatMap((buffer) => buffer ?? []);
  const buffers = () => [...sets.flatMap((set) => paged.flatMap((name) => set[name] ?? [])), ...single, ...(keyless ? [keyless.pages.buffer] : [])];

  const result: Sets = {
    all: sets, ...elsewhere, runs, paging, restored, keyless, begun,
    get pages() {
      return sets.map(({ pages }) => ({ buffer: pages }));
    },
    lists: { buffer: lists }, ...bindingsOf({ picked, chosen, queries, books, basis }), empty: () => emptySets(sets, runs),
    get read() {
      return sets.map((set) => readOf(choosing?.pick, set, runs));
    },
    get summaries() {
      return bindingOf(sets[0].summaries);
    },
    get planes() {
      return bindingOf(sets[0].planes);
    },
    get size() {
      return sets[0].size;
    },
    resize: (size) => resize(own, sets[0], size),
    setLow: () => void (sets[0].isLow = true),
    setWhole: () => setWhole(own, sets[0], books),
    get byteLength() {
      return sizeOf(buffers());
    },
    async makeRoom({ index }, slots) {
      const set = sets[index];
      if (paging) return paging.makeRoom(set, slots);
      const more = Array.from(slots, (count, head) => Math.max(0, Math.ceil((count - set.room[head]) / pageSlots)));
      const needed = set.taken + more.reduce((a, b) => a + b, 0);
      if (needed === set.taken) return false;
      const grows = await grow(own, set, needed);
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
      return wordsOfPicks(choosing!.pick, sets[0], runs);
    },
    async copyFrom(other) {
      await result.take(other.held.numbers);
      copyAll(device, result.held.buffers.map(({ buffer }, i) => [other.held.buffers[i].buffer, buffer]));
    },
    get held() {
      return heldOf(sets, single, runs, ({ index }) => heldPages(shape, plans[index], headDim, sets[index].size));
    },
    async take(numbers) {
      checkNumbers(numbers, plans, kvHeads);
      if (numbers.size) await result.resize(numbers.size);
      if (!paging) for (const set of sets) await grow(own, set, numbers.sets[set.index].taken);
      takeNumbers(sets, runs, numbers);
    },
    free: () => buffers().forEach((buffer) => ledger.destroy(buffer)),
  };
  return result;
}

/** Keys are as they were made, and no run is an outlier. */
function setWhole({ device: { queue }, shape: { plan, format }, layer, heads }: Making, set: MutableSet, books: GPUBuffer | undefined): void {
  set.isLow = false;
  const { pick } = plan.layers[layer][0];
  for (const { offset, byteLength } of pick?.lowRank ? markRanges(pick, format, heads) : []) queue.writeBuffer(books!, offset, new Uint8Array(byteLength));
}

/** With where each list begins, and no slot. */
function makeLists({ queue }: GPUDevice, lists: GPUBuffer, firsts: readonly (readonly number[])[]): GPUBuffer {
  queue.writeBuffer(lists, 0, Uint32Array.from(firsts.flat().flatMap((first) => [first, 0])));
  return lists;
}

/** What a layer has once, beside its lists. */
function makeSingle(make: (name: string, bytes: number) => GPUBuffer, { plan, attended, format }: Shape, layer: number, headDim: number) {
  const { queryHeads } = attended[layer];
  const choosing = pickedSet(plan.layers[layer]);
  const books = choosing ? bookWords(choosing.pick, format, headDim) : 0;
  const makePicked = (name: string) => make(name, 4 * pickedWords(choosing!, queryHeads, headDim));
  return {
    queries: plan.queries ? make('queries', queryBytes(plan, queryHeads, headDim)) : undefined,
    picked: choosing && chooses(choosing, layer) ? makePicked('picked') : undefined,
    chosen: choosing?.frames && !choosing.answered ? makePicked('chosen') : undefined,
    books: books ? make('books', 4 * choosing!.mostSlots.length * books) : undefined,
    ...(choosing && isRemade(choosing) && {
      keyless: { pages: { buffer: make('keyless', 4 * choosing.frames!) }, count: 0, waiting: new Set<number>() },
      begun: make('begun', begunBytes(choosing, format, headDim)),
    }),
  };
}

const emptySet = (index: number, { format, pick }: SetPlan, kvHeads: number, pages: Paged): MutableSet => ({
  index, format, ...pages, size: pick?.sizes && pick.each, taken: 0,
  counts: new Uint32Array(kvHeads), room: new Uint32Array(kvHeads), tails: new Uint32Array(kvHeads),
});

/** What kv-pick.wgsl is told of each kv head, which has chosen nothing by then; a row that reads what one before it chose sees what is always read. */
const wordsOfPicks = ({ lag, first }: PickPlan, { counts, tails }: KvSet, runs: Uint32Array): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(Array.from(runs, (many, head) => [many, tails[head], lag ? seenOf(first, counts[head], tails[head]) : 0, 0]).flat());

/** Slots of a head that are read whatever is chosen. */
export const seenOf = (first: number, count: number, tail: number): number => Math.min(first, count) + Math.max(0, count - tail);

/** Pages that a set grows to where so many are needed. */
function pagesToHave(plan: SetPlan, needed: number, layer: number): number {
  const most = framesOfSet(plan);
  if (needed > most) throw new Error(`A set of layer ${layer} was to have ${needed} pages; ${most} were planned.`);
  const each = pagesOfStep(plan);
  return Math.min(most, Math.ceil(needed / each) * each);
}

/** Pages that a set has, and those that it is to have where so many are needed. */
function growth(set: KvSet, plan: SetPlan, headDim: number, { needed, layer }: { needed: number; layer: number }): { there: number; pages: number } {
  const there = Math.floor(set.pages.size / (4 * set.format.words(headDim)));
  return { there, pages: needed <= there ? there : pagesToHave(plan, needed, layer) };
}

/** Bytes of what a set has for so many pages, where so many slots are known of together. */
function pagedBytes({ plan, format }: Shape, set: SetPlan, headDim: number, pages: number, size?: number): PagedBytes {
  const summary = set.pick && summaryWords(set.pick, format, headDim, size);
  return {
    pages: 4 * pages * set.format.words(headDim),
    ...(plan.planes.length && !set.bare && { planes: planeBytes(plan, pages) }),
    ...(summary && { summaries: 4 * pagesKnown(set, set.frames ? pagesOfSet(set) : pages) * summary }),
  };
}

/** Bytes of what a set has for so many pages, how many of those there may be, and whether not all of them are on the GPU. */
const heldPages = (shape: Shape, set: SetPlan, headDim: number, size?: number) => {
  const whole = { ...set, frames: undefined };
  return { bytes: (pages: number) => pagedBytes(shape, whole, headDim, pages, size), most: framesOfSet(whole), inFrames: set.frames !== undefined };
};

/** What buffers of a layer are made with. */
interface Making extends Pick<Shared, 'restored'> {
  device: GPUDevice;
  ledger: Ledger;
  shape: Shape;
  layer: number;
  heads: CacheHeads;
  make(name: string, bytes: number): GPUBuffer;
}

/** What a set has for so many pages. */
function makePaged({ make, shape, layer, heads: { headDim } }: Making, index: number, pages: number, size?: number): Paged {
  const names = { pages: 'set', planes: 'planes', summaries: 'summaries' };
  const bytes = Object.entries(pagedBytes(shape, shape.plan.layers[layer][index], headDim, pages, size)) as [keyof Paged, number][];
  return Object.fromEntries(bytes.map(([name, own]) => [name, make(`${names[name]}.${index}`, own)])) as unknown as Paged;
}

/** True where it got larger buffers, as it has room for fewer pages. */
async function grow(own: Making, set: MutableSet, needed: number): Promise<boolean> {
  const { device, ledger, shape, layer, heads, restored } = own;
  const plan = shape.plan.layers[layer][set.index];
  const { there, pages } = growth(set, plan, heads.headDim, { needed, layer });
  if (plan.latent) await restored!.makeRoom(heads, pages);
  if (pages > there) await replace(device, ledger, set, ledger.allOrNone(() => makePaged(own, set.index, pages, set.size)));
  return pages > there;
}

/** Room for what is known of so many slots together, in place of what was known. */
async function resize({ ledger, shape, layer, heads: { headDim }, make }: Making, set: MutableSet, size: number): Promise<boolean> {
  if (size === set.size) return false;
  const plan = shape.plan.layers[layer][0];
  const { there } = growth(set, plan, headDim, { needed: 0, layer });
  const { summaries: bytes } = pagedBytes(shape, plan, headDim, there, size);
  const summaries = ledger.allOrNone(() => make('summaries.0', bytes!));
  await settled(ledger, () => ledger.destroy(summaries));
  ledger.destroy(set.summaries!);
  Object.assign(set, { summaries, size });
  return true;
}

/** `of`: what each has for a page. */
function heldOf(
  sets: readonly MutableSet[], whole: readonly GPUBuffer[], runs: Uint32Array, of: (set: KvSet) => ReturnType<typeof heldPages>,
): HeldSets {
  const inUse = sets.flatMap((set) => paged.flatMap((name) => {
    const buffer = set[name];
    const { bytes, most, inFrames } = of(set);
    // Where not all pages are on the GPU, none is taken, and all are told of in their order.
    const pages = inFrames ? set.counts.length * Math.ceil(Math.max(...set.counts) / pageSlots) : set.taken;
    return buffer ? [{ buffer, byteLength: bytes(pages)[name]!, ...(name === 'pages' && { pages: { format: set.format, most } }) }] : [];
  }));
  const numbers = sets.map(({ taken, counts, room, tails }) => ({ taken, counts: [...counts], room: [...room], tails: [...tails] }));
  const { size, isLow } = sets[0];
  const single = whole.map((buffer) => ({ buffer, byteLength: buffer.size }));
  return { buffers: [...single, ...inUse], numbers: { sets: numbers, runs: [...runs], ...(size && { size }), ...(isLow && { isLow }) } };
}

/** RequestError for numbers that sets of this plan cannot have. */
function checkNumbers({ sets, runs, size }: HeldNumbers, plans: readonly SetPlan[], kvHeads: number): void {
  const { sizes } = pickedSet(plans)?.pick ?? {};
  const isSize = sizes ? sizes.includes(size!) : size === undefined;
  const fits = isSize && sets.length === plans.length && runs.length === kvHeads && sets.every(({ taken, counts, room, tails }, i) => {
    const each = plans[i].mostSlots.map((most) => Math.ceil(most / pageSlots) * pageSlots);
    const ofHeads = [counts, room, tails].every(({ length }) => length === kvHeads);
    return ofHeads && (plans[i].frames ? taken === 0 : room.reduce((sum, slots) => sum + slots, 0) === taken * pageSlots)
      && room.every((slots, head) => slots % pageSlots === 0 && slots <= each[head] && counts[head] <= slots);
  });
  if (fits) return;
  throw new RequestError('The saved sequence has sets of another size than this policy plans: it is damaged. Run the conversation again from its text.');
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
const readOf = (pick: PickPlan | undefined, { counts, tails }: KvSet, runs: Uint32Array): number =>
  Math.max(...Array.from(counts, (count, head) => (pick ? readAtMost(pick, count, runs[head], tails[head]) : count)));

const sizeOf = (buffers: readonly GPUBuffer[]): number => buffers.reduce((sum, { size }) => sum + size, 0);
const bindingOf = (buffer: GPUBuffer | undefined) => buffer && { buffer };

const bindingsOf = <Name extends string>(buffers: Record<Name, GPUBuffer | undefined>): Record<Name, Binding | undefined> =>
  Object.fromEntries(Object.entries(buffers).map(([name, buffer]) => [name, bindingOf(buffer as GPUBuffer | undefined)])) as Record<Name, Binding | undefined>;

function takeNumbers(sets: readonly MutableSet[], runs: Uint32Array, numbers: HeldNumbers): void {
  runs.set(numbers.runs);
  sets[0].isLow = numbers.isLow;
  sets.forEach((set, i) => {
    set.taken = numbers.sets[i].taken;
    for (const name of ['counts', 'room', 'tails'] as const) set[name].set(numbers.sets[i][name]);
  });
}

function emptySets(sets: readonly MutableSet[], runs: Uint32Array): void {
  runs.fill(0);
  for (const set of sets) {
    set.taken = 0;
    set.isLow = false;
    for (const name of ['counts', 'room', 'tails'] as const) set[name].fill(0);
  }
}

/** Replaces the buffers of a set by larger ones, once those are known to be there. */
async function replace(device: GPUDevice, ledger: Ledger, set: MutableSet, next: Paged): Promise<void> {
  const free = (old: Paged) => paged.forEach((name) => old[name] && ledger.destroy(old[name]));
  await settled(ledger, () => free(next));
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
