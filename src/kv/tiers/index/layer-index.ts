// The indexes of a layer's heads, over slots on pages in worker memory: made at the end of a prompt, by some of its queries, and grown as pages come.
import { type KvFormat, pageSlots } from '../../formats/format.ts';
import { type Rest } from '../../latents/eigen.ts';
import { createPageNumbers, readKeys } from '../page-numbers.ts';
import { type KeyIndex, createKeyIndex, indexBytes } from './key-index.ts';
import { type Walk, type Walker } from './walk.ts';

export interface LayerIndex {
  /** Slots of each head that it has, from the first on that the GPU does not read. */
  readonly count: number;
  readonly byteLength: number;
  /** Notes queries of a tick, (n, query head, padded headDim), which it learns from: of fewer positions the more there are. */
  note(queries: Float32Array): void;
  /**
   * Has the slots up to `end`, if they are as many as it is for. `mayMake`: where there is none yet, or it was made of less than half of them, it is made.
   * Where `rest` ends it, it has none, until it may be made.
   */
  grow(end: number, mayMake: boolean, rest?: Rest): Promise<void>;
  /** By the query of a query head: ids are slots behind the first. */
  search(head: number, query: Float32Array): Walk;
  /** Forgets all, if it has slots from `end` on. */
  cut(end: number): void;
}

/** Keys of a head that are read at once. */
const keysAtOnce = 256;

/** Positions of the text whose queries are remembered until an index is made, at most. */
const mostNoted = 512;

/** Bytes of what a layer remembers of queries. */
export const notedBytes = (queryHeads: number, dims: number): number => 4 * mostNoted * queryHeads * dims;

/** Whether a layer with room for `capacity` slots may ever have so many behind the first ones that there is an index. */
export const mayIndex = ({ least }: { least: number }, capacity: number, first: number): boolean => capacity - first >= least;

interface Given {
  kvHeads: number;
  queryHeads: number;
  headDim: number;
  format: KvFormat;
  /** The first slot. */
  first: number;
  /** Most slots. */
  capacity: number;
  index: { share: number; least: number };
  page(row: number, head: number): Uint8Array;
  walker: Walker;
}

export function createLayerIndex({ kvHeads, queryHeads, headDim, format, first, capacity, index: { share, least }, page, walker }: Given): LayerIndex {
  const dims = 4 * Math.ceil(headDim / 4);
  const group = queryHeads / kvHeads;
  const numbers = createPageNumbers(headDim);
  let indexes: KeyIndex[] = [];
  let noted: Float32Array[] = [];
  let made = 0; // slots when it was made
  let count = 0;

  /** Of all query heads of a kv head. */
  const queriesOf = (all: readonly Float32Array[], kvHead: number): Float32Array[] => all.flatMap((queries) =>
    Array.from({ length: (queries.length / (queryHeads * dims)) * group }, (_, i) => {
      const at = (Math.floor(i / group) * queryHeads + kvHead * group + (i % group)) * dims;
      return queries.subarray(at, at + dims);
    }));

  /** Keys of slots, (slot, dims). */
  function keysOf(kvHead: number, from: number, to: number): Float32Array {
    const keys = new Float32Array((to - from) * dims);
    for (let slot = from, read = -1; slot < to; slot++) {
      const row = Math.floor(slot / pageSlots);
      if (row !== read) readKeys(format, headDim, page((read = row), kvHead), numbers);
      for (let d = 0; d < dims; d++) keys[(slot - from) * dims + d] = numbers.keys[((d >> 2) * pageSlots + (slot % pageSlots)) * 4 + (d & 3)];
    }
    return keys;
  }

  async function make(rest: Rest): Promise<void> {
    const own: KeyIndex[] = [];
    for (let head = 0; head < kvHeads; head++) own.push(await createKeyIndex(dims, capacity, queriesOf(noted, head), walker, rest));
    indexes = own;
  }

  function forget(): void {
    [indexes, made, count] = [[], 0, 0];
  }

  async function addTo(end: number, rest: Rest): Promise<void> {
    for (let head = 0; head < kvHeads; head++) {
      for (let at = first + count; at < end; at += keysAtOnce) await indexes[head].add(keysOf(head, at, Math.min(end, at + keysAtOnce)), rest);
      await indexes[head].learn(queriesOf(noted, head), rest);
    }
    count = Math.max(0, end - first);
    noted = [];
  }

  return {
    get count() {
      return count;
    },
    get byteLength() {
      return indexes.length * capacity * indexBytes(dims);
    },
    note(queries) {
      for (let at = 0, each = queryHeads * dims; at < queries.length; at += each) noted.push(queries.slice(at, at + each));
      while (noted.length > mostNoted) noted = noted.filter((_, i) => i % 2 === 1);
    },
    async grow(end, mayMake, rest = () => {}) {
      const slots = end - first;
      if (slots < least || slots <= count) return;
      try {
        if (mayMake && slots > 2 * made) {
          forget();
          await make(rest);
          made = slots;
        }
        if (indexes.length) await addTo(end, rest);
      } catch (error) {
        forget(); // heads have other slots than each other
        throw error;
      }
    },
    search: (head, query) => indexes[Math.floor(head / group)].search(query, Math.max(1, Math.floor(share * count))),
    cut(end) {
      if (end <= first) noted = [];
      if (first + count <= end) return;
      forget();
    },
  };
}
