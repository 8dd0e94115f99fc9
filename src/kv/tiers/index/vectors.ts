// Rows of vectors in one array: their products, and clusters of them.
import { mulberry32 } from '../../../random.ts';
import { type Rest } from '../../latents/eigen.ts';

export type Numbers = Float32Array | Float64Array;

/** The product of `length` numbers, a whole number of fours, in four sums that do not wait for each other. */
export function dot(a: Numbers, aAt: number, b: Numbers, bAt: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let d = 0; d < length; d += 4) {
    s0 += a[aAt + d] * b[bAt + d];
    s1 += a[aAt + d + 1] * b[bAt + d + 1];
    s2 += a[aAt + d + 2] * b[bAt + d + 2];
    s3 += a[aAt + d + 3] * b[bAt + d + 3];
  }
  return s0 + s1 + s2 + s3;
}

/** Vectors by rows of `length` numbers, a whole number of fours. */
export interface Rows {
  vectors: Float32Array;
  count: number;
  length: number;
}

/** What takes as long as so many products that are summed is told at once, at most. */
const operationsTold = 2 ** 18;

/** Rows in float64, with zeros behind them to a whole number of fours: many others are multiplied with them, four at a time. */
export function inFours({ vectors, count, length }: Rows): Float64Array {
  const rows = new Float64Array(4 * Math.ceil(count / 4) * length);
  rows.set(vectors.subarray(0, count * length));
  return rows;
}

/** Products of a vector with four rows that follow each other, into `into`. */
export function dotFour(a: Float32Array, aAt: number, rows: Float64Array, first: number, length: number, into: Float64Array): void {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let d = 0, at0 = first, at1 = at0 + length, at2 = at1 + length, at3 = at2 + length; d < length; d++, at0++, at1++, at2++, at3++) {
    const x = a[aAt + d];
    s0 += x * rows[at0];
    s1 += x * rows[at1];
    s2 += x * rows[at2];
    s3 += x * rows[at3];
  }
  into[0] = s0;
  into[1] = s1;
  into[2] = s2;
  into[3] = s3;
}

/** Of each row the nearest of some centers. */
export async function nearestCenters({ vectors, count, length }: Rows, centers: Rows, rest: Rest): Promise<Int32Array> {
  const rows = inFours(centers);
  const halves = Float64Array.from({ length: rows.length / length }, (_, c) =>
    c < centers.count ? dot(centers.vectors, c * length, centers.vectors, c * length, length) / 2 : Infinity);
  const nearest = new Int32Array(count);
  const atOnce = Math.ceil(operationsTold / (centers.count * length));
  for (let from = 0; from < count; from += atOnce) {
    const to = Math.min(count, from + atOnce);
    for (let i = from; i < to; i++) nearest[i] = nearestOne(vectors, i * length, rows, halves);
    await rest((to - from) * centers.count * length);
  }
  return nearest;
}

const four = new Float64Array(4);

function nearestOne(vectors: Float32Array, at: number, rows: Float64Array, halves: Float64Array): number {
  const length = rows.length / halves.length;
  let [best, most] = [0, -Infinity];
  for (let c = 0; c < halves.length; c += 4) {
    dotFour(vectors, at, rows, c * length, length, four);
    for (let i = 0; i < 4; i++) {
      const score = four[i] - halves[c + i];
      if (score > most) [best, most] = [c + i, score];
    }
  }
  return best;
}

/** Rounds in which centers move to the means of what is nearest to them. */
const rounds = 2;

/**
 * The centers of `count` clusters of some rows, by k-means, begun at rows that are drawn by the squares of their distances to those before
 * (k-means++, Arthur and Vassilvitskii 2007), so that what lies far from all others is a center too. The same for the same rows.
 */
export async function centersOf(rows: Rows, count: number, rest: Rest): Promise<Rows> {
  const { length, vectors } = rows;
  const centers: Rows = { vectors: await begun(rows, count, rest), count, length };
  for (let round = 0; round < rounds; round++) {
    const nearest = await nearestCenters(rows, centers, rest);
    const sums = new Float64Array(count * length);
    const sizes = new Int32Array(count);
    for (let i = 0; i < rows.count; i++) {
      sizes[nearest[i]]++;
      for (let d = 0; d < length; d++) sums[nearest[i] * length + d] += vectors[i * length + d];
    }
    for (let c = 0; c < count; c++) // an empty one stays where it is
      for (let d = 0; sizes[c] && d < length; d++) centers.vectors[c * length + d] = sums[c * length + d] / sizes[c];
    await rest(rows.count * length);
  }
  return centers;
}

async function begun({ vectors, count, length }: Rows, centers: number, rest: Rest): Promise<Float32Array> {
  const random = mulberry32(1);
  const squares = Float64Array.from({ length: count }, (_, i) => dot(vectors, i * length, vectors, i * length, length));
  const far = new Float64Array(count).fill(Infinity);
  const begun = new Float32Array(centers * length);
  for (let c = 0, chosen = Math.floor(random() * count); c < centers; c++) {
    begun.set(vectors.subarray(chosen * length, (chosen + 1) * length), c * length);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const square = squares[i] + squares[chosen] - 2 * dot(vectors, i * length, vectors, chosen * length, length);
      far[i] = Math.max(0, Math.min(far[i], square));
      sum += far[i];
    }
    let left = random() * sum;
    for (chosen = 0; chosen < count - 1 && (left -= far[chosen]) > 0;) chosen++;
    await rest(count * length);
  }
  return begun;
}

/** Every n-th of some rows, so that there are `most` at most. */
export function someOf({ vectors, count, length }: Rows, most: number): Rows {
  if (count <= most) return { vectors, count, length };
  const some = new Float32Array(most * length);
  for (let i = 0; i < most; i++) {
    const at = Math.floor((i * count) / most) * length;
    some.set(vectors.subarray(at, at + length), i * length);
  }
  return { vectors: some, count: most, length };
}
