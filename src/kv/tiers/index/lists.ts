// What queries look at, by clusters of queries: of each the keys that its mean query pays most, in order, with those products. A query is like a few of those
// means, and so are the products that keys have with it. Two levels of clusters, so that few of their queries are multiplied with it.
import { type Rest } from '../../latents/eigen.ts';
import { type Metric, placeQueries, toLengthOne } from './metric.ts';
import { type Ids } from './near.ts';
import { type Rows, centersOf, dot, dotFour, inFours } from './vectors.ts';

export interface Lists {
  /** Takes a key that there was not, by its coordinates. */
  add(id: number, place: Float32Array): void;
  /** Tells of keys what is foretold of their products with a query, (dims), beside each other; gives the products that this took. */
  foretell(query: Float32Array, tell: (id: number, product: number) => void): number;
  copy(): Lists;
}

export interface Sizes {
  lists: number;
  /** Keys of a list. */
  length: number;
}

/** Of the products that a search may take, those with queries of clusters at most; and most clusters. */
const shareOfQueries = 1 / 8;
const mostLists = 512;
/** Queries that a cluster has, about, at least. */
const queriesOfList = 6;
/** Up to so many clusters all of their queries are multiplied with. */
const mostFlat = 12;
/** Groups of clusters that are looked into, and clusters whose lists are read. */
const groupsRead = 3;
const listsRead = 6;
/** Of the products that a search may take, keys of a list, and how many at least and at most. */
const shareOfList = 0.75;
const [leastLength, mostLength] = [16, 512];

/** For searches that take so many products. */
export function sizesOf(products: number, queries = Infinity): Sizes {
  const own = products * shareOfQueries;
  // Of n clusters in g groups g + 3 n / g queries are multiplied with, which is least, 2 √(3 n), with √(3 n) groups.
  const lists = Math.max(Math.min(mostFlat, Math.floor(own)), Math.floor(own ** 2 / (4 * groupsRead)));
  return {
    lists: Math.max(1, Math.min(mostLists, lists, Math.ceil(queries / queriesOfList))),
    length: Math.max(leastLength, Math.min(mostLength, Math.ceil(shareOfList * products))),
  };
}

/** Bytes of lists whose ids have so many: ids with products, and of each cluster its query, coordinates of that in two scales, and a share of a group. */
export const listsBytes = ({ lists, length }: Sizes, dims: number, idBytes: number): number =>
  lists * (length * (idBytes + 4) + 4 * (3 * dims + 2)) + groupsOf(lists) * 4 * dims;

const groupsOf = (lists: number): number => (lists <= mostFlat ? 0 : Math.round(Math.sqrt(groupsRead * lists)));

interface Given {
  metric: Metric;
  queries: Rows;
  /** Coordinates of the keys that there are, (key, dims). */
  places: Rows;
  sizes: Sizes;
  ids: (length: number) => Ids;
}

export async function createLists({ metric, queries, places, sizes, ids }: Given, rest: Rest): Promise<Lists> {
  const { dims, spread } = metric;
  const { lists, length } = sizes;
  const clusters = await centersOf(placeQueries(metric, queries), lists, rest);
  for (let c = 0; c < lists; c++) toLengthOne(clusters.vectors.subarray(c * dims, (c + 1) * dims));
  const asked = asksOf(metric, clusters);
  const members = await groupsFor(clusters, rest);
  const groups = members.length > 1 ? asksOf(metric, meansOf(clusters, members)) : undefined;
  const scaled = Float32Array.from(clusters.vectors, (value, at) => value / spread[at % dims]);
  const kept: Kept = { ids: ids(lists * length), products: new Float32Array(lists * length).fill(-Infinity), counts: new Int32Array(lists) };
  const rows = inFours({ vectors: scaled, count: lists, length: dims });
  const four = new Float64Array(4);
  const all = Array.from(four, () => new Float32Array(places.count));
  for (let list = 0; list < lists; list += 4) {
    for (let id = 0; id < places.count; id++) {
      dotFour(places.vectors, id * dims, rows, list * dims, dims, four);
      for (let i = 0; i < 4; i++) all[i][id] = four[i];
    }
    for (let i = 0; i < 4 && list + i < lists; i++) for (const id of largest(all[i], length)) put(kept, list + i, length, id, all[i][id]);
    await rest(4 * places.count * (dims + 4));
  }
  return listsOf({ clusters, scaled, asked: { asked, groups, members } }, kept, length);
}

/** What lists hold: of each its keys with their products, (list, length), and how many there are. */
interface Kept {
  ids: Ids;
  products: Float32Array;
  counts: Int32Array;
}

/** Puts a key into a list, if it is among the best there. */
function put({ ids, products, counts }: Kept, list: number, length: number, id: number, product: number): void {
  const first = list * length;
  if (counts[list] === length && product <= products[first + length - 1]) return;
  let at = counts[list] < length ? counts[list]++ : length - 1;
  for (; at > 0 && products[first + at - 1] < product; at--) {
    products[first + at] = products[first + at - 1];
    ids[first + at] = ids[first + at - 1];
  }
  products[first + at] = product;
  ids[first + at] = id;
}

/** What lists are of, which does not change: clusters, what coordinates of keys are multiplied with, and queries. */
interface Listed {
  clusters: Rows;
  scaled: Float32Array;
  asked: Asked;
}

function listsOf(of: Listed, kept: Kept, length: number): Lists {
  const { clusters, scaled, asked } = of;
  const { ids, products, counts } = kept;
  return {
    add(id, place) {
      for (let list = 0; list < clusters.count; list++) put(kept, list, length, id, dot(scaled, list * clusters.length, place, 0, clusters.length));
    },
    foretell(query, tell) {
      const { near, taken } = nearest(query, asked);
      const parts = partsOf(clusters, near);
      for (const [i, { list }] of near.entries()) {
        const [first, end] = [list * length, list * length + counts[list]];
        for (let at = first; parts[i] > 0 && at < end; at++) tell(ids[at], parts[i] * (products[at] - products[end - 1]));
      }
      return taken;
    },
    copy: () => listsOf(of, { ids: ids.slice(), products: products.slice(), counts: counts.slice() }, length),
  };
}

/** Of some numbers the places of the `most` largest, the largest first; equal ones the lower place. */
function largest(numbers: Float32Array, most: number): number[] {
  let least = -Infinity;
  if (numbers.length > most) least = leastOf(numbers, most);
  const places: number[] = [];
  for (let i = 0; i < numbers.length; i++) if (numbers[i] >= least) places.push(i);
  return places.sort((a, b) => numbers[b] - numbers[a] || a - b).slice(0, most);
}

const bins = 512;

/** A number that at least `most` of some are not below, and few more. */
function leastOf(numbers: Float32Array, most: number): number {
  let [low, high] = [Infinity, -Infinity];
  for (const number of numbers) {
    if (number < low) low = number;
    if (number > high) high = number;
  }
  const scale = (bins - 1) / (high - low);
  if (!Number.isFinite(scale)) return low; // all are equal
  const counts = new Int32Array(bins);
  for (const number of numbers) counts[Math.floor((number - low) * scale)]++;
  let bin = bins - 1;
  for (let above = counts[bin]; above < most; above += counts[--bin]);
  return bin ? low + (bin / scale) * (1 - 1e-6) : low; // not above what rounding puts there
}

/** What a query is multiplied with to tell how like it is to those of clusters, (cluster, dims). */
function asksOf({ dims, ofQueries }: Metric, { vectors, count }: Rows): Rows {
  const asked = new Float32Array(count * dims);
  for (let c = 0; c < count; c++)
    for (let j = 0; j < dims; j++) for (let d = 0, x = vectors[c * dims + j]; d < dims; d++) asked[c * dims + d] += x * ofQueries[j * dims + d];
  return { vectors: asked, count, length: dims };
}

/** Which clusters lie in a group. */
async function groupsFor(clusters: Rows, rest: Rest): Promise<number[][]> {
  const count = groupsOf(clusters.count);
  if (!count) return [[...Array(clusters.count).keys()]];
  const centers = await centersOf(clusters, count, rest);
  const members = Array.from({ length: count }, (): number[] => []);
  for (let c = 0; c < clusters.count; c++) {
    const like = Float64Array.from({ length: count }, (_, g) =>
      dot(centers.vectors, g * clusters.length, clusters.vectors, c * clusters.length, clusters.length)
      - dot(centers.vectors, g * clusters.length, centers.vectors, g * clusters.length, clusters.length) / 2);
    members[like.indexOf(Math.max(...like))].push(c);
  }
  return members.filter((each) => each.length);
}

/** The means of clusters of each group, of length 1. */
function meansOf({ vectors, length }: Rows, members: readonly number[][]): Rows {
  const means = new Float32Array(members.length * length);
  members.forEach((each, g) => {
    const mean = means.subarray(g * length, (g + 1) * length);
    for (const c of each) for (let d = 0; d < length; d++) mean[d] += vectors[c * length + d];
    toLengthOne(mean);
  });
  return { vectors: means, count: members.length, length };
}

interface Like {
  list: number;
  /** How like the query of the cluster a query is. */
  like: number;
}

interface Asked {
  /** What a query is multiplied with for each cluster, and for each group of them, if there are any. */
  asked: Rows;
  groups?: Rows;
  members: readonly number[][];
}

/** The clusters that a query is most like, and how many queries it was multiplied with. */
function nearest(query: Float32Array, { asked, groups, members }: Asked): { near: Like[]; taken: number } {
  const like = ({ vectors, length }: Rows, at: number): number => dot(vectors, at * length, query, 0, length);
  const sorted = (all: Like[], most: number) => all.sort((a, b) => b.like - a.like || a.list - b.list).slice(0, most);
  const read = groups ? sorted(members.map((_, list) => ({ list, like: like(groups, list) })), groupsRead).map(({ list }) => list) : [0];
  const among = read.flatMap((group) => members[group]).map((list) => ({ list, like: like(asked, list) }));
  return { near: sorted(among, listsRead), taken: (groups?.count ?? 0) + among.length };
}

/** Of what clusters have in common with each other, added to what each has with itself: parts stay small where they are alike. */
const apart = 0.05;

/** A query as a sum of those of clusters, by least squares: how much of each. */
function partsOf({ vectors, length }: Rows, near: readonly Like[]): Float64Array {
  const n = near.length;
  const wide = n + 1;
  const matrix = new Float64Array(n * wide);
  near.forEach(({ list, like }, i) => {
    near.forEach((other, j) => (matrix[i * wide + j] = dot(vectors, list * length, vectors, other.list * length, length) + (i === j ? apart : 0)));
    matrix[i * wide + n] = like;
  });
  for (let i = 0; i < n; i++) {
    for (let j = n; j >= i; j--) matrix[i * wide + j] /= matrix[i * wide + i];
    for (let k = 0; k < n; k++) for (let j = n; k !== i && j >= i; j--) matrix[k * wide + j] -= matrix[k * wide + i] * matrix[i * wide + j];
  }
  return Float64Array.from({ length: n }, (_, i) => matrix[i * wide + n]);
}
