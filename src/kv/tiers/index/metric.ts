// How queries and keys see each other. Queries lie elsewhere than keys do (RetrievalAttention, arXiv 2409.10516): keys are alike where queries see no
// difference, as their second moments tell, and queries are alike where keys have the same products with both, as the keys' covariance tells. Both are plain
// distances in coordinates of the same directions, those first along which keys differ most for queries. None is left out: a needle may have its own.
import { type Rest, symmetricEigen } from '../../latents/eigen.ts';
import { type Rows, dot } from './vectors.ts';

export interface Metric {
  dims: number;
  /** The mean key, (dims). */
  mean: Float32Array;
  /** (dims, dims): of a key beyond the mean one its coordinates: the mean of (query . (one - other))^2 is the square of the distance of two. */
  ofKeys: Float32Array;
  /** (dims, dims): of a query its coordinates: the mean of ((one - other) . key)^2 over keys beyond the mean one is the square of the distance of two. */
  ofQueries: Float32Array;
  /** (dims): how far keys go along each direction, so that a product of both is the sum of coordinates' products, each divided by this. */
  spread: Float32Array;
  /** (dims, dims): the queries' second moments. */
  moments: Float64Array;
}

/** Of the mean of the diagonal, what is added to each number of it: directions that no query has are not lost as a whole. */
const ridge = 1e-4;

/** Of the direction along which keys go furthest, how far they go along all others at least, so that what is divided by it is not lost. */
const leastSpread = 1e-6;

/** Coordinates for `keys`, of which there is at least one; where there are no queries, for queries that are alike in all directions. */
export async function metricOf(queries: Rows, keys: Rows, rest: Rest = () => {}): Promise<Metric> {
  const n = keys.length;
  const mean = meanOf(keys);
  const moments = await momentsOf(queries, new Float64Array(n), rest);
  const trace = traceOf(moments, n);
  for (let i = 0; i < n; i++) moments[i * n + i] += trace ? (ridge * trace) / n : 1;
  const asked = await symmetricEigen(moments, n, rest);
  const [root, inverse] = rootsOf(asked.values, asked.vectors, n);
  const covariance = await momentsOf(keys, mean, rest);
  const seen = await symmetricEigen(product(product(root, covariance, n), root, n), n, rest);
  const furthest = Math.sqrt(Math.max(0, seen.values[0])) || 1; // 1 where all keys are the same
  const spread = Float32Array.from(seen.values, (value) => Math.max(leastSpread * furthest, Math.sqrt(Math.max(0, value))));
  const ofQueries = Float32Array.from(product(seen.vectors, inverse, n), (value, at) => value * spread[Math.floor(at / n)]);
  return { dims: n, mean: Float32Array.from(mean), ofKeys: Float32Array.from(product(seen.vectors, root, n)), ofQueries, spread, moments };
}

function meanOf({ vectors, count, length }: Rows): Float64Array {
  const mean = new Float64Array(length);
  for (let i = 0; i < count; i++) for (let d = 0; d < length; d++) mean[d] += vectors[i * length + d] / count;
  return mean;
}

/** The mean of what rows are beyond `from`, times itself transposed. */
async function momentsOf({ vectors, count, length: n }: Rows, from: Float64Array, rest: Rest): Promise<Float64Array> {
  const matrix = new Float64Array(n * n);
  const row = new Float64Array(n);
  for (let at = 0; at < count * n; at += n) {
    for (let i = 0; i < n; i++) row[i] = vectors[at + i] - from[i];
    for (let i = 0; i < n; i++) for (let j = 0, x = row[i] / count; j <= i; j++) matrix[i * n + j] += x * row[j];
    await rest(n * n);
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j];
  return matrix;
}

function traceOf(matrix: Float64Array, n: number): number {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += matrix[i * n + i];
  return trace;
}

/** The symmetric square root of a matrix, by its eigenvalues and eigenvectors, and the inverse of that. */
function rootsOf(values: Float64Array, vectors: Float64Array, n: number): [Float64Array, Float64Array] {
  const [root, inverse] = [new Float64Array(n * n), new Float64Array(n * n)];
  for (let k = 0; k < n; k++) {
    const value = Math.sqrt(Math.max(values[k], Number.MIN_VALUE));
    for (let i = 0; i < n; i++) {
      for (let j = 0, x = vectors[k * n + i]; j < n; j++) {
        root[i * n + j] += x * vectors[k * n + j] * value;
        inverse[i * n + j] += (x * vectors[k * n + j]) / value;
      }
    }
  }
  return [root, inverse];
}

/** (rows, n) times (n, n). */
function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const sums = new Float64Array(a.length);
  for (let i = 0; i < a.length / n; i++)
    for (let k = 0; k < n; k++) for (let j = 0, x = a[i * n + k]; j < n; j++) sums[i * n + j] += x * b[k * n + j];
  return sums;
}

/** Coordinates of keys, (key, dims), into `into`. */
export function placeKeys({ dims, mean, ofKeys }: Metric, keys: Float32Array, into: Float32Array): void {
  const key = new Float32Array(dims);
  for (let at = 0; at < keys.length; at += dims) {
    for (let d = 0; d < dims; d++) key[d] = keys[at + d] - mean[d];
    for (let j = 0; j < dims; j++) into[at + j] = dot(ofKeys, j * dims, key, 0, dims);
  }
}

/** Coordinates of queries, (query, dims), each of length 1: longer ones ask for the same keys. */
export function placeQueries({ dims, ofQueries }: Metric, queries: Rows): Rows {
  const vectors = new Float32Array(queries.count * dims);
  for (let i = 0; i < queries.count; i++) {
    for (let j = 0; j < dims; j++) vectors[i * dims + j] = dot(ofQueries, j * dims, queries.vectors, i * dims, dims);
    toLengthOne(vectors.subarray(i * dims, (i + 1) * dims));
  }
  return { vectors, count: queries.count, length: dims };
}

export function toLengthOne(vector: Float32Array): void {
  const length = Math.sqrt(dot(vector, 0, vector, 0, vector.length));
  for (let d = 0; length && d < vector.length; d++) vector[d] /= length;
}

/** Of queries the one that a key is likeliest found by, the mean of those there are by how much they look at it: (dims), into `into`. */
export function askerOf({ dims, mean, moments }: Metric, key: Float32Array, into: Float64Array): void {
  into.fill(0);
  for (let i = 0; i < dims; i++) for (let j = 0, x = key[i] - mean[i]; j < dims; j++) into[j] += x * moments[i * dims + j];
}
