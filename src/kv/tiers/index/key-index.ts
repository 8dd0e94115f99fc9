// An index over the keys of one head of keys and values, by which those are found that a query would pay most, with products of few of them
// (RetrievalAttention, arXiv 2409.10516). It has lists of what clusters of queries pay most (lists.ts), as RoarGraph (arXiv 2408.08933) goes from queries to
// what they search, and of each key links to those that queries see alike (near.ts): a search reads lists where those pay more, and follows links where they
// do. It has no keys: they are multiplied where they lie. Knows no pages and no GPU.
import { mib } from '../../../errors.ts';
import { type Rest } from '../../latents/eigen.ts';
import { inMemory } from '../memory.ts';
import { type Heap, createHeap, heapBytes } from './heap.ts';
import { type Lists, type Sizes, createLists, listsBytes, sizesOf } from './lists.ts';
import { type Metric, askerOf, metricOf, placeKeys } from './metric.ts';
import { type Ids, lead, linkAll, linked, nearest } from './near.ts';
import { type Rows, dot, someOf } from './vectors.ts';

export interface KeyIndex {
  /** Keys that it has. */
  readonly count: number;
  readonly byteLength: number;
  /** Takes keys, (n, dims), behind those it has. */
  add(keys: Float32Array, rest?: Rest): Promise<void>;
  /** Products of a query, (dims), with keys: with those of clusters' queries `most` at most, those that pay most among them if they are found. */
  search(query: ArrayLike<number>, most: number): Found;
  /** Another one of the same keys, which lie elsewhere, too. */
  copy(product: Product, scratch: Scratch): KeyIndex;
}

/** Until the next search. */
export interface Found {
  /** In the order in which they were multiplied, `count` of them. */
  readonly ids: Int32Array;
  readonly scores: Float64Array;
  readonly count: number;
  /** Products that this took: with these keys, and with queries of clusters. */
  readonly products: number;
}

/** Keys where they lie: the product of a query, (dims), with one. */
export type Product = (id: number, query: Float32Array) => number;

/** How many times as many keys an index is to have well that was made of some: then it is to be made anew. */
export const grown = 1.25;

/** Products by which the nearest of a key that is added are looked for. */
const productsOfAdded = 256;
/** Keys by which their covariance is known. */
const mostSampled = 4096;
/** Keys whose coordinates are found at once. */
const keysPlaced = 64;
/** Keys of lists that are multiplied at first, and at a time then, as shares of the products of a search, and how many at least. */
const [firstShare, leastFirst, stepShare, leastStep] = [1 / 16, 8, 1 / 64, 4];

const idBytes = (capacity: number): number => (capacity <= 2 ** 16 ? 2 : 4);

const idsFor = (capacity: number) => (length: number): Ids => (capacity <= 2 ** 16 ? new Uint16Array(length) : new Uint32Array(length));

/** Bytes with room for so many keys of so many numbers: links, a number of each key, lists, and what coordinates are told by. */
const bytesOf = (capacity: number, dims: number, sizes: Sizes): number =>
  capacity * (linked * idBytes(capacity) + 4) + listsBytes(sizes, dims, idBytes(capacity)) + 4 * (2 * dims ** 2 + 2 * dims) + 8 * dims ** 2;

/** Most bytes of an index with room for so many keys of so many numbers, which multiplies the `share` of them at most. */
export const indexBytes = (capacity: number, dims: number, share: number): number => bytesOf(capacity, dims, sizesOf(share * capacity));

/** Bytes beside those while one is made: keys, their coordinates, and what they are compared and put in order by. */
export const makingBytes = (capacity: number, dims: number): number => capacity * (8 * dims + 32);

/** What searches use one after the other. */
export interface Scratch {
  /** Of a search: of each key the one that it was last foretold in, and multiplied in, and what was foretold. */
  foretoldIn: Uint32Array;
  foundIn: Uint32Array;
  foretold: Float32Array;
  listed: Int32Array;
  ids: Int32Array;
  scores: Float64Array;
  /** Keys by what is foretold of them, and by their products those whose links were not followed. */
  next: Heap;
  open: Heap;
  search: number;
}

export const scratchBytes = (capacity: number): number => capacity * (5 * 4 + 8) + 2 * heapBytes(capacity);

/** For indexes over so many keys. BudgetError where there is no memory for it. */
export const createScratch = (capacity: number): Scratch => inMemory(() => ({
  foretoldIn: new Uint32Array(capacity), foundIn: new Uint32Array(capacity), foretold: new Float32Array(capacity), listed: new Int32Array(capacity),
  ids: new Int32Array(capacity), scores: new Float64Array(capacity), next: createHeap(capacity), open: createHeap(capacity), search: 0,
}), () => `Worker memory has no room for ${mib(scratchBytes(capacity))} to search ${capacity} keys.`);

export interface Given {
  /** Keys that there are, and how many there may be. */
  keys: Rows;
  capacity: number;
  /** Some of those that the text has made. */
  queries: Rows;
  /** Of its keys those that a search multiplies. */
  share: number;
  product: Product;
  /** With room for `capacity`. */
  scratch: Scratch;
}

/** BudgetError where there is no memory for so many. */
export async function createKeyIndex({ keys, capacity, queries, share, product, scratch }: Given, rest: Rest = () => {}): Promise<KeyIndex> {
  const dims = keys.length;
  const ids = idsFor(capacity);
  const [links, halves, placed] = inMemory(() => [ids(capacity * linked), new Float32Array(capacity), new Float32Array(keys.count * dims)] as const, () =>
    `Worker memory has no room for ${mib(indexBytes(capacity, dims, share))} of an index over the keys of a head, ${capacity} of ${dims} numbers.`);
  const sampled = someOf(keys, mostSampled);
  const asking = queries.count ? queries : sampled;
  const metric = await metricOf(queries, sampled, rest);
  const places: Rows = { vectors: placed, count: keys.count, length: dims };
  for (let from = 0; from < placed.length; from += keysPlaced * dims) {
    placeKeys(metric, keys.vectors.subarray(from, from + keysPlaced * dims), placed.subarray(from));
    await rest(keysPlaced * dims ** 2);
  }
  for (let id = 0; id < keys.count; id++) halves[id] = dot(placed, id * dims, placed, id * dims, dims) / 2;
  await linkAll(places, links, rest);
  const sizes = sizesOf(share * Math.min(capacity, grown * keys.count), asking.count);
  const lists = await createLists({ metric, queries: asking, places, sizes, ids }, rest);
  return indexOf({ lists, links, halves, metric, product, count: keys.count, byteLength: bytesOf(capacity, dims, sizes) }, scratch);
}

interface Parts extends Searched {
  lists: Lists;
  /** Of each key half of the square of its coordinates. */
  halves: Float32Array;
  metric: Metric;
  byteLength: number;
}

/** `parts`: its own, which change with it. */
function indexOf(parts: Parts, scratch: Scratch): KeyIndex {
  const { lists, links, halves, metric, byteLength } = parts;
  const { dims } = metric;
  const asker = new Float64Array(dims);
  const place = new Float32Array(dims);

  function addOne(key: Float32Array): void {
    const { count } = parts;
    placeKeys(metric, key, place);
    askerOf(metric, key, asker);
    const found = searchIn(parts, scratch, asker, Math.min(count, productsOfAdded));
    const near = Array.from({ length: found.count }, (_, i) => ({ id: found.ids[i], score: found.scores[i] - halves[found.ids[i]] }))
      .sort((a, b) => b.score - a.score || a.id - b.id).slice(0, nearest).map(({ id }) => id);
    for (let i = 0; i < linked; i++) links[count * linked + i] = near[i] ?? count;
    for (const other of near) lead(links, other, count, true);
    halves[count] = dot(place, 0, place, 0, dims) / 2;
    lists.add(count, place);
    parts.count++;
  }

  return {
    get count() {
      return parts.count;
    },
    byteLength,
    async add(more, rest = () => {}) {
      for (let at = 0; at < more.length; at += dims) {
        addOne(more.subarray(at, at + dims));
        await rest(operationsOfAdded);
      }
    },
    search: (query, most) => searchIn(parts, scratch, query, most),
    copy: (product, other) => indexOf(inMemory(() => ({ ...parts, lists: lists.copy(), links: links.slice(), halves: halves.slice(), product }), () =>
      `Worker memory has no room for ${mib(byteLength)} of a copy of an index.`), other),
  };
}

/** What takes as long as one key that is added (some 0.1 ms), in products that are summed. */
const operationsOfAdded = 2 ** 17;

interface Searched {
  lists: Pick<Lists, 'foretell'>;
  links: Ids;
  product: Product;
  count: number;
}

function searchIn({ lists, links, product, count }: Searched, scratch: Scratch, query: ArrayLike<number>, most: number): Found {
  const { foundIn, ids, scores, next, open } = scratch;
  const own = ++scratch.search;
  let [found, left] = [0, Math.min(most, count)];
  next.clear();
  open.clear();
  const target = Float32Array.from(query);

  function multiply(id: number): number {
    foundIn[id] = own;
    const score = product(id, target);
    ids[found] = id;
    scores[found++] = score;
    open.push(score, id);
    left--;
    return score;
  }

  /** Multiplies some of those that come next, and gives the mean product. */
  function some(many: number, id: () => number | undefined): number {
    let [sum, done] = [0, 0];
    for (let each; done < many && left > 0 && (each = id()) !== undefined;) {
      if (foundIn[each] === own) continue;
      sum += multiply(each);
      done++;
    }
    return done ? sum / done : NaN;
  }

  const ofLists = (many: number) => some(many, () => (next.size ? next.pop() : undefined));
  function ofLinks(): number {
    const from = open.pop() * linked;
    let i = 0;
    return some(linked, () => (i < linked ? links[from + i++] : undefined));
  }

  if (most >= count) {
    for (let id = 0; id < count; id++) multiply(id);
    return { ids, scores, count: found, products: found };
  }
  const taken = foretellTo(scratch, lists, target);
  left -= Math.min(left, taken);
  let [listed, followed] = [ofLists(Math.max(leastFirst, Math.floor(firstShare * most))), NaN];
  while (left > 0 && (next.size || open.size)) {
    // What pays more is gone on with: both pay less and less.
    if (next.size && (!open.size || listed >= followed)) listed = eased(listed, ofLists(Math.max(leastStep, Math.floor(stepShare * most))));
    else followed = eased(followed, ofLinks());
  }
  for (let id = count - 1; left > 0 && id >= 0; id--) if (foundIn[id] !== own) multiply(id); // the last ones, where nothing leads to more
  return { ids, scores, count: found, products: found + taken };
}

/** The mean of what was and what is, where both are numbers. */
const eased = (before: number, now: number): number => (Number.isNaN(now) ? before : Number.isNaN(before) ? now : (before + now) / 2);

/** Keys with what lists foretell of them, to be taken in that order; gives the products that this took. */
function foretellTo({ foretoldIn, foretold, listed, next, search }: Scratch, lists: Searched['lists'], query: Float32Array): number {
  let count = 0;
  const taken = lists.foretell(query, (id, product) => {
    if (foretoldIn[id] !== search) {
      foretoldIn[id] = search;
      foretold[id] = 0;
      listed[count++] = id;
    }
    foretold[id] += product;
  });
  for (let i = 0; i < count; i++) next.push(foretold[listed[i]], listed[i]);
  return taken;
}
