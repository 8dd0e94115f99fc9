// Of each key those nearest to it, looked for in a few clusters.
import { type Rest } from '../../latents/eigen.ts';
import { type Rows, centersOf, nearestCenters, someOf } from './vectors.ts';

/** Keys of a cluster, about; how many clusters there are at most; and rows of each that its center is found by. */
const clusterSize = 128;
const mostClusters = 256;
const sampled = 16;
/** Keys that a key is compared with, at most: those of its cluster, or of a part of a larger one, and of clusters next to it. */
const mostCompared = 1024;
/** Keys that are compared before others may have their turn. */
const atOnce = 32;

export type Ids = Uint16Array | Uint32Array;

/** Links of a key to others: to the nearest, and to some that it is near to. Where it has fewer, they lead to itself. */
export const [nearest, nearTo] = [8, 4];
export const linked = nearest + nearTo;

/** Links of each row, (row, linked), the nearest first, into `links`. */
export async function linkAll(rows: Rows, links: Ids, rest: Rest): Promise<void> {
  await linkWithin(rows, links, rest);
  const places: Places = { scores: new Float64Array(nearest), found: new Uint32Array(nearest) };
  for (let id = 0; id < rows.count; id += atOnce) {
    for (let each = id; each < Math.min(rows.count, id + atOnce); each++) lookFurther(rows, each, links, places);
    await rest(atOnce * nearest ** 2 * rows.length);
  }
  linkBack(rows.count, links);
}

interface Places {
  /** The best first. */
  scores: Float64Array;
  found: Uint32Array;
}

/** By what is near to those that are near, those that are nearer: a cluster's border hides them. */
function lookFurther(rows: Rows, id: number, links: Ids, { scores, found }: Places): void {
  const own = links.subarray(id * linked, id * linked + nearest);
  scores.fill(-Infinity);
  found.fill(id);
  for (const near of own) consider(rows, id, near, scores, found);
  for (const near of own)
    for (let at = near * linked, end = at + nearest; at < end; at++) if (!found.includes(links[at])) consider(rows, id, links[at], scores, found);
  own.set(found);
}

/** Puts another row among the nearest of one so far, if it is. */
function consider({ vectors, length }: Rows, id: number, other: number, scores: Float64Array, found: Ids): void {
  if (other === id) return;
  const [a, b] = [id * length, other * length];
  const first = Math.min(firstCompared, length);
  let square = squareOf(vectors, a, vectors, b, first);
  if (-square <= scores[nearest - 1]) return;
  square += squareOf(vectors, a + first, vectors, b + first, length - first);
  if (-square > scores[nearest - 1]) put(scores, found, -square, other);
}

/** Puts one among the best so far, if it is. */
function put(scores: Float64Array, found: Ids, score: number, id: number): void {
  let at = scores.length - 1;
  if (score <= scores[at]) return;
  for (; at > 0 && scores[at - 1] < score; at--) {
    scores[at] = scores[at - 1];
    found[at] = found[at - 1];
  }
  scores[at] = score;
  found[at] = id;
}

/** Has those lead to a key that it is near to, of which there is room: first to keys that few others lead to, as those are that are like none. */
function linkBack(count: number, links: Ids): void {
  const leading = new Int32Array(count);
  const each = (id: number, act: (other: number) => void): void => {
    for (let at = id * linked; at < id * linked + nearest; at++) if (links[at] !== id) act(links[at]);
  };
  for (let id = 0; id < count; id++) each(id, (other) => leading[other]++);
  const order = Int32Array.from({ length: count }, (_, id) => id).sort((a, b) => leading[a] - leading[b] || a - b);
  for (const id of order) each(id, (other) => lead(links, other, id, false));
}

/** Links a key to one that is near to it, if there is room; or else, if it has to be, in place of another such. */
export function lead(links: Ids, from: number, to: number, always: boolean): void {
  const first = from * linked;
  for (let at = first; at < first + linked; at++) if (links[at] === to) return;
  for (let at = first + nearest; at < first + linked; at++) if (links[at] === from) return void (links[at] = to);
  if (always) links[first + nearest + (to % nearTo)] = to;
}

/** Of keys of the same clusters. */
async function linkWithin(rows: Rows, links: Ids, rest: Rest): Promise<void> {
  const { count, length } = rows;
  const clusters = Math.max(1, Math.min(mostClusters, Math.round(count / clusterSize)));
  const centers = await centersOf(someOf(rows, sampled * clusters), clusters, rest);
  const members = Array.from({ length: clusters }, (): number[] => []);
  (await nearestCenters(rows, centers, rest)).forEach((cluster, id) => members[cluster].push(id));
  const compared: Compared = { ids: new Int32Array(mostCompared), vectors: new Float32Array(mostCompared * length), count: 0 };
  const scores = new Float64Array(nearest);
  for (let cluster = 0; cluster < clusters; cluster++) {
    for (let from = 0; from < members[cluster].length; from += mostCompared) {
      const own = members[cluster].slice(from, from + mostCompared);
      compared.count = 0;
      compare(rows, own, compared);
      for (const other of clustersBy(centers, cluster)) if (compared.count < mostCompared) compare(rows, members[other], compared);
      for (let at = 0; at < own.length; at += atOnce) {
        for (const id of own.slice(at, at + atOnce)) linkOne(rows, id, compared, links.subarray(id * linked, (id + 1) * linked), scores);
        await rest(Math.min(atOnce, own.length - at) * compared.count * length);
      }
    }
  }
}

/** Rows that lie next to each other in memory while they are compared with. */
interface Compared {
  ids: Int32Array;
  vectors: Float32Array;
  count: number;
}

function compare({ vectors, length }: Rows, ids: readonly number[], compared: Compared): void {
  for (const id of ids) {
    if (compared.count === mostCompared) return;
    const at = compared.count++;
    compared.ids[at] = id;
    compared.vectors.set(vectors.subarray(id * length, (id + 1) * length), at * length);
  }
}

/** The other clusters, those first whose centers are nearest. */
function clustersBy({ vectors, count, length }: Rows, cluster: number): number[] {
  const far = Float64Array.from({ length: count }, (_, c) => squareOf(vectors, cluster * length, vectors, c * length, length));
  return [...far.keys()].filter((c) => c !== cluster).sort((a, b) => far[a] - far[b] || a - b);
}

function linkOne({ vectors, length }: Rows, id: number, compared: Compared, links: Ids, scores: Float64Array): void {
  scores.fill(-Infinity);
  links.fill(id);
  const first = Math.min(firstCompared, length);
  for (let i = 0; i < compared.count; i++) {
    let square = squareOf(vectors, id * length, compared.vectors, i * length, first);
    if (-square <= scores[nearest - 1] || compared.ids[i] === id) continue;
    square += squareOf(vectors, id * length + first, compared.vectors, i * length + first, length - first);
    if (-square > scores[nearest - 1]) put(scores, links, -square, compared.ids[i]);
  }
}

/** Numbers of rows that most are too far apart by, as those come first that differ most. */
const firstCompared = 16;

/** Of the distance along some numbers, a whole number of fours. */
function squareOf(a: Float32Array, aAt: number, b: Float32Array, bAt: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let d = 0; d < length; d += 4) {
    const x = a[aAt + d] - b[bAt + d];
    const y = a[aAt + d + 1] - b[bAt + d + 1];
    const z = a[aAt + d + 2] - b[bAt + d + 2];
    const w = a[aAt + d + 3] - b[bAt + d + 3];
    s0 += x * x;
    s1 += y * y;
    s2 += z * z;
    s3 += w * w;
  }
  return s0 + s1 + s2 + s3;
}
