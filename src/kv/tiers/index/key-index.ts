// An index over the keys of one head of keys and values: a graph by which those are found that a query would pay most, with products of few of them
// (RetrievalAttention, arXiv 2409.10516). Three kinds of links, all by how queries see keys (metric.ts): of each key to those that are seen alike; of the best
// keys of a query to each other, as RoarGraph (arXiv 2408.08933) projects queries onto what they search; and to a key that the likeliest query for it does not
// find, from what that finds. Knows no pages and no GPU.
import { mib } from '../../../errors.ts';
import { type Rest } from '../../latents/eigen.ts';
import { inMemory } from '../memory.ts';
import { askerOf, metricOf, seenBy } from './metric.ts';
import { type Links, type Scored, type Walk, createWalker } from './walk.ts';

export interface KeyIndex {
  /** Keys that it has. */
  readonly count: number;
  /** Takes keys, (n, dims), behind those it has. */
  add(keys: Float32Array, rest?: Rest): Promise<void>;
  /** Links what queries, each (dims), look at most, and has new keys found by those that would ask for them. */
  learn(queries: readonly Float32Array[], rest?: Rest): Promise<void>;
  /** The products of a query, (dims), with `most` keys at most, those that pay most among them if they are found. Until the next call. */
  search(query: ArrayLike<number>, most: number): Walk;
}

/** Links of a key of each kind; of the first twice as many until there is no more room. */
const mostAlike = 16;
const mostPaid = 16;
const mostReached = 16;
/** How many of the best are expanded by walks that find those. */
const alikeBeam = 24;
const paidBeam = 128;
const reachedBeam = 256;
/** Best keys of a query that are linked. */
const paidTogether = 32;
/** Of what is found in place of a key, those that lead there; and how many there may be that the query pays more, as then it is not asking for that key. */
const leading = 3;
const mostBefore = 4;
/** Where walks begin: keys that queries have paid most. */
const mostEntries = 16;

/** What takes as long as a key that is taken or tried to be reached (0.1 to 0.3 ms), and as a query that is learned (0.5 ms), in products that are summed. */
const keyOperations = 2 ** 18;
const queryOperations = 2 ** 19;

/** Bytes for a key of so many numbers: itself, as queries see it, half its square and a zero, and its links. */
export const indexBytes = (dims: number): number => 4 * (2 * dims + 2 + 2 * mostAlike + mostPaid + mostReached) + 3;

/**
 * `queries`: some of those that the text has made, each (dims). `capacity`: most keys, which `walker` has room for, too. BudgetError where there is no memory
 * for so many.
 */
export async function createKeyIndex(
  dims: number, capacity: number, queries: readonly Float32Array[], walker = createWalker(capacity), making?: Rest,
): Promise<KeyIndex> {
  const metric = await metricOf(queries, dims, making);
  const { plain, seen, links: [alike, paid, reached] } = inMemory(() => roomFor(dims, capacity), () =>
    `Worker memory has no room for ${mib(capacity * indexBytes(dims))} of an index over the keys of a head, ${capacity} of ${dims} numbers.`);
  const all = [reached, paid, alike];
  const hits = new Map<number, number>();
  const meanKey = new Float64Array(dims);
  const asker = new Float64Array(dims);
  let entries = [0];
  let [count, tried] = [0, 0]; // keys, and those that were tried to be reached

  function note(key: Float32Array): void {
    plain.vectors.set(key, count * dims);
    const own = seen.vectors.subarray(count * dims, (count + 1) * dims);
    seenBy(metric.moments, key, own);
    seen.half[count] = own.reduce((sum, value) => sum + value * value, 0) / 2;
    count++;
    for (let d = 0; d < dims; d++) meanKey[d] += (key[d] - meanKey[d]) / count;
  }

  function linkAlike(key: number): void {
    const walk = walker.walk([alike], seen, seen.vectors.subarray(key * dims, (key + 1) * dims), entries, { most: key, beam: alikeBeam });
    const kept = spread(seen, key, bestOf(walk, alikeBeam), mostAlike);
    alike.to.set(kept, key * alike.most);
    alike.degrees[key] = kept.length;
    for (const other of kept) linkBack(alike, seen, other, key);
  }

  function linkPaid(query: Float32Array): void {
    const [first, ...others] = bestOf(walker.walk(all, plain, query, entries, { most: count, beam: paidBeam }), paidTogether);
    hits.set(first, (hits.get(first) ?? 0) + 1);
    for (const other of spread(seen, first, others, mostPaid)) {
      put(paid, first, other);
      put(paid, other, first);
    }
  }

  function reach(key: number): void {
    const own = plain.vectors.subarray(key * dims, (key + 1) * dims);
    askerOf(metric, own, meanKey, asker);
    const walk = walker.walk(all, plain, asker, entries, { most: reachedBeam, beam: reachedBeam });
    if (walk.ids.subarray(0, walk.count).includes(key)) return;
    const product = own.reduce((sum, value, d) => sum + value * asker[d], 0);
    const best = bestOf(walk, mostBefore, true);
    if (best.length === mostBefore && walk.scores[best[mostBefore - 1]] > product) return;
    for (const place of best.slice(0, leading)) put(reached, walk.ids[place], key);
  }

  return {
    get count() {
      return count;
    },
    async add(keys, rest = () => {}) {
      for (let at = 0; at < keys.length; at += dims) {
        note(keys.subarray(at, at + dims));
        if (count > 1) linkAlike(count - 1);
        await rest(keyOperations);
      }
    },
    async learn(more, rest = () => {}) {
      if (!count) return;
      for (const query of more) {
        linkPaid(query);
        await rest(queryOperations);
      }
      if (hits.size) entries = [...hits].sort(([, a], [, b]) => b - a).slice(0, mostEntries).map(([key]) => key);
      while (tried < count) {
        reach(tried++);
        await rest(keyOperations);
      }
    },
    search: (query, most) => walker.walk(all, plain, query, count ? entries : [], { most }),
  };
}

function roomFor(dims: number, capacity: number): { plain: Scored; seen: Scored; links: Links[] } {
  const scored = (): Scored => ({ vectors: new Float32Array(capacity * dims), half: new Float32Array(capacity), dims });
  return { plain: scored(), seen: scored(), links: [2 * mostAlike, mostPaid, mostReached].map((most) => createLinks(capacity, most)) };
}

function distance({ vectors, dims }: Scored, a: number, b: number): number {
  let sum = 0;
  for (let d = 0; d < dims; d++) sum += (vectors[a * dims + d] - vectors[b * dims + d]) ** 2;
  return sum;
}

/** Of candidates by distance to a key those that are nearer to it than to one of those before. */
function spread(seen: Scored, key: number, candidates: readonly number[], most: number): number[] {
  const kept: number[] = [];
  for (const each of candidates) {
    if (kept.length >= most) break;
    const own = distance(seen, key, each);
    if (each !== key && kept.every((other) => distance(seen, each, other) > own)) kept.push(each);
  }
  return kept;
}

/** Where there is no room for one more, those stay that are spread. */
function linkBack({ to, degrees, most }: Links, seen: Scored, node: number, other: number): void {
  const first = node * most;
  if (degrees[node] === most) {
    const all = Array.from(to.subarray(first, first + most), (each) => ({ each, far: distance(seen, node, each) })).sort((a, b) => a.far - b.far);
    const kept = spread(seen, node, all.map(({ each }) => each), most / 2);
    to.set(kept, first);
    degrees[node] = kept.length;
  }
  to[first + degrees[node]++] = other;
}

const createLinks = (capacity: number, most: number): Links => ({ to: new Int32Array(capacity * most), degrees: new Uint8Array(capacity), most });

/** Has a node linked to another, in place of the link that is the oldest where there is no room. */
function put({ to, degrees, most }: Links, node: number, other: number): void {
  const own = to.subarray(node * most, node * most + degrees[node]);
  if (own.includes(other)) return;
  if (degrees[node] < most) to[node * most + degrees[node]++] = other;
  else {
    own.copyWithin(0, 1);
    own[most - 1] = other;
  }
}

/** The ids of those that a walk with a beam has found best, the best first; or their places. */
const bestOf = ({ ids, scores, best }: Walk, most: number, places = false): number[] =>
  Array.from(best).sort((a, b) => scores[b] - scores[a]).slice(0, most).map((place) => (places ? place : ids[place]));
