// The indexes of a layer's heads, over slots on pages in worker memory: made at the end of a prompt, by some of its queries, and grown as pages come.
import { type KvFormat, pageSlots } from '../../formats/format.ts';
import { type Rest } from '../../latents/eigen.ts';
import { createKeyReader, createPageNumbers, readKeys } from '../page-numbers.ts';
import { type Found, type KeyIndex, type Scratch, createKeyIndex, grown } from './key-index.ts';
import { dot } from './vectors.ts';

export interface LayerIndex {
  /** Slots of each head that it has, from the first on that the GPU does not read. */
  readonly count: number;
  readonly byteLength: number;
  /** Notes queries of a tick, (n, query head, padded headDim), which it learns from: of fewer positions the more there are. */
  note(queries: Float32Array): void;
  /**
   * Has the slots up to `end`, if they are as many as it is for. `mayMake`: where there is none yet, or it was made of fewer than four fifths of them, it is
   * made. Where `rest` ends it, it has none, until it may be made.
   */
  grow(end: number, mayMake: boolean, rest?: Rest): Promise<void>;
  /** By the query of a query head: ids are slots behind the first. */
  search(head: number, query: Float32Array): Found;
  /** Forgets all, if it has slots from `end` on. */
  cut(end: number): void;
  /** Takes what another has of the same slots, which are on pages of its own, and the queries that it remembers. */
  copyFrom(other: LayerIndex): void;
  /** What a copy takes. */
  readonly parts: { indexes: readonly KeyIndex[]; noted: readonly Float32Array[]; made: number; count: number };
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
  /** With room for `capacity`. */
  scratch: Scratch;
}

export function createLayerIndex({ kvHeads, queryHeads, headDim, format, first, capacity, index, page, scratch }: Given): LayerIndex {
  const dims = 4 * Math.ceil(headDim / 4);
  const group = queryHeads / kvHeads;
  const keysThere = createKeysThere({ headDim, format, first, page });
  let indexes: KeyIndex[] = [];
  let noted: Float32Array[] = [];
  let made = 0; // slots when it was made
  let count = 0;

  async function make(end: number, rest: Rest): Promise<void> {
    const own: KeyIndex[] = [];
    for (let head = 0; head < kvHeads; head++) {
      const keys = { vectors: keysThere.some(head, first, end), count: end - first, length: dims };
      const queries = { vectors: queriesOf(noted, head, group * dims), count: noted.length * group, length: dims };
      own.push(await createKeyIndex({ keys, queries, capacity, share: index.share, product: keysThere.productOf(head), scratch }, rest));
    }
    indexes = own;
    made = count = end - first;
  }

  function forget(): void {
    [indexes, made, count] = [[], 0, 0];
  }

  async function addTo(end: number, rest: Rest): Promise<void> {
    for (let head = 0; head < kvHeads; head++)
      for (let at = first + count; at < end; at += keysAtOnce) await indexes[head].add(keysThere.some(head, at, Math.min(end, at + keysAtOnce)), rest);
    count = end - first;
  }

  return {
    get count() {
      return count;
    },
    get byteLength() {
      return indexes.reduce((sum, { byteLength }) => sum + byteLength, 0);
    },
    note(queries) {
      for (let at = 0, each = queryHeads * dims; at < queries.length; at += each) noted.push(queries.slice(at, at + each));
      while (noted.length > mostNoted) noted = noted.filter((_, i) => i % 2 === 1);
    },
    async grow(end, mayMake, rest = () => {}) {
      const slots = end - first;
      if (slots < index.least || slots <= count) return;
      try {
        if (mayMake && slots > grown * made) {
          forget();
          await make(end, rest);
        } else if (indexes.length) await addTo(end, rest);
      } catch (error) {
        forget(); // heads have other slots than each other
        throw error;
      }
    },
    search: (head, query) => indexes[Math.floor(head / group)].search(query, Math.max(1, Math.floor(index.share * count))),
    cut(end) {
      if (end <= first) noted = [];
      if (first + count <= end) return;
      forget();
    },
    get parts() {
      return { indexes, noted, made, count };
    },
    copyFrom({ parts }) {
      forget();
      indexes = parts.indexes.map((each, head) => each.copy(keysThere.productOf(head), scratch));
      [noted, made, count] = [[...parts.noted], parts.made, parts.count];
    },
  };
}

/** Of those of positions, (query head, dims), those of all query heads of a kv head, `length` numbers of each position. */
function queriesOf(noted: readonly Float32Array[], kvHead: number, length: number): Float32Array {
  const queries = new Float32Array(noted.length * length);
  noted.forEach((each, i) => queries.set(each.subarray(kvHead * length, (kvHead + 1) * length), i * length));
  return queries;
}

/** Keys on pages in worker memory. */
function createKeysThere({ headDim, format, first, page }: Pick<Given, 'headDim' | 'format' | 'first' | 'page'>) {
  const dims = 4 * Math.ceil(headDim / 4);
  const numbers = createPageNumbers(headDim);
  const readKey = createKeyReader(format, headDim);
  return {
    /** Keys of slots, (slot, dims). */
    some(kvHead: number, from: number, to: number): Float32Array {
      const keys = new Float32Array((to - from) * dims);
      for (let slot = from, read = -1; slot < to; slot++) {
        const row = Math.floor(slot / pageSlots);
        if (row !== read) readKeys(format, headDim, page((read = row), kvHead), numbers);
        for (let d = 0; d < dims; d++) keys[(slot - from) * dims + d] = numbers.keys[((d >> 2) * pageSlots + (slot % pageSlots)) * 4 + (d & 3)];
      }
      return keys;
    },
    /** Products with keys where they lie. */
    productOf(kvHead: number): (id: number, query: Float32Array) => number {
      const pages: Uint32Array[] = []; // as long as the index: those of its slots stay where they are
      return (id, query) => {
        const slot = first + id;
        const row = Math.floor(slot / pageSlots);
        if (!pages[row]) {
          const bytes = page(row, kvHead);
          pages[row] = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
        }
        return dot(readKey(pages[row], slot % pageSlots), 0, query, 0, dims);
      };
    },
  };
}
