// The sets of one layer of a sequence, whose pages are had when they are needed, and the lists that kernels find them by. Knows no
// policy and no kernel.
import { type Ledger } from '../gpu/ledger.ts';
import { type LayerSets } from '../model/operation.ts';
import { type CacheHeads } from '../model/graph.ts';
import { pageSlots } from './formats/format.ts';
import { type KvSet } from './policy.ts';
import { planeBytes } from './plane-bytes.ts';
import { listWords, pagesOfSet, queryBytes } from './set-bytes.ts';
import { type Shape } from './shape.ts';

export interface Sets extends LayerSets {
  readonly all: readonly KvSet[];
  readonly byteLength: number;
  /** Has pages for so many slots of each kv head. BudgetError where there is no room; nothing has changed then. True where a buffer was replaced. */
  makeRoom(set: KvSet, slots: ArrayLike<number>): Promise<boolean>;
  /** Notes counts, and gives what is to be written to the lists for them: words, from a byte on. */
  count(set: KvSet, counts: ArrayLike<number>): { at: number; words: Uint32Array<ArrayBuffer> };
  /** Takes pages, planes and queries of another sequence's. */
  copyFrom(other: Sets): Promise<void>;
  free(): void;
}

interface MutableSet extends KvSet {
  pages: GPUBuffer;
  planes?: GPUBuffer;
  taken: number;
}

/** Slots of every head that a set grows by. */
const step = 256;

export function createSets(device: GPUDevice, ledger: Ledger, shape: Shape, layer: number, heads: CacheHeads): Sets {
  const { kvHeads, headDim } = heads;
  const plans = shape.plan.layers[layer];
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const make = (name: string, bytes: number) => ledger.create('kv', `kv.${layer}.${name}`, bytes, usage);
  const pageBytes = plans.map(({ format }) => 4 * format.words(headDim));
  const planesFor = (index: number, pages: number) => (shape.plan.planes.length ? make(`planes.${index}`, planeBytes(shape.plan, pages)) : undefined);

  // Where the list of a set's head begins, and the list that it would have with all its pages taken.
  const firsts: number[][] = [];
  let words = 2 * plans.length * kvHeads;
  for (const { mostSlots } of plans) {
    firsts.push(mostSlots.map((slots) => (words += Math.ceil(slots / pageSlots)) - Math.ceil(slots / pageSlots)));
  }
  const lists = make('lists', 4 * listWords(plans));
  device.queue.writeBuffer(lists, 0, Uint32Array.from(firsts.flat().flatMap((first) => [first, 0])));
  const bytesOfQueries = queryBytes(shape, layer, headDim);
  const queries = bytesOfQueries ? make('queries', bytesOfQueries) : undefined;
  const sets = plans.map(({ format }, index): MutableSet => ({
    index, format, pages: make(`set.${index}`, pageBytes[index]), planes: planesFor(index, 1), taken: 0,
    counts: new Uint32Array(kvHeads), room: new Uint32Array(kvHeads),
  }));

  const result: Sets = {
    all: sets,
    get pages() {
      return sets.map(({ pages }) => ({ buffer: pages }));
    },
    lists: { buffer: lists },
    get slots() {
      return sets.map(({ counts }) => Math.max(...counts));
    },
    queries: queries && { buffer: queries },
    get byteLength() {
      return sets.reduce((sum, { pages, planes }) => sum + pages.size + (planes?.size ?? 0), lists.size + (queries?.size ?? 0));
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
      if (grows) {
        const pages = Math.min(most, Math.ceil(needed / each) * each);
        const next = ledger.allOrNone(() => ({ pages: make(`set.${index}`, pages * pageBytes[index]), planes: planesFor(index, pages) }));
        await replace(device, ledger, set, next);
      }
      more.forEach((pages, head) => {
        if (!pages) return;
        const at = firsts[index][head] + set.room[head] / pageSlots;
        device.queue.writeBuffer(lists, 4 * at, Uint32Array.from({ length: pages }, () => set.taken++));
        set.room[head] += pages * pageSlots;
      });
      return grows;
    },
    count({ index }, counts) {
      sets[index].counts.set(Array.from(counts));
      const heads = firsts[index].flatMap((first, head) => [first, counts[head]]);
      return { at: 8 * index * kvHeads, words: Uint32Array.from(heads) };
    },
    async copyFrom(other) {
      for (const set of sets) await result.makeRoom(set, other.all[set.index].room);
      const pairs = sets.flatMap((set) => [[other.all[set.index].pages, set.pages], [other.all[set.index].planes, set.planes]]);
      copyAll(device, [...pairs, [other.queries?.buffer, queries], [other.lists.buffer, lists]]);
      for (const set of sets) Object.assign(set, { taken: (other.all[set.index] as MutableSet).taken }).counts.set(other.all[set.index].counts);
    },
    free: () => [...sets.flatMap(({ pages, planes }) => [pages, planes]), lists, queries].forEach((buffer) => buffer && ledger.destroy(buffer)),
  };
  return result;
}

/** Replaces the buffers of a set by larger ones, once those are known to be there. */
async function replace(device: GPUDevice, ledger: Ledger, set: MutableSet, next: Pick<MutableSet, 'pages' | 'planes'>): Promise<void> {
  const free = ({ pages, planes }: typeof next) => [pages, planes].forEach((buffer) => buffer && ledger.destroy(buffer));
  try {
    await ledger.settle();
  } catch (error) {
    free(next);
    throw error;
  }
  copyAll(device, [[set.pages, next.pages], [set.planes, next.planes]]);
  free(set);
  Object.assign(set, next);
}

/** Copies what is in the first of each two buffers, as far as it is there and there is room. */
function copyAll(device: GPUDevice, pairs: readonly (GPUBuffer | undefined)[][]): void {
  const encoder = device.createCommandEncoder({ label: 'kv.set.copy' });
  for (const [from, to] of pairs) if (from && to) encoder.copyBufferToBuffer(from, 0, to, 0, Math.min(from.size, to.size));
  device.queue.submit([encoder.finish()]);
}
