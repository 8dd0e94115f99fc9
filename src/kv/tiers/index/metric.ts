// How queries see keys. Queries lie elsewhere than keys do (RetrievalAttention, arXiv 2409.10516), so that keys which are near each other are not what one
// query looks at; those are that queries see alike.

import { type Rest } from '../../latents/eigen.ts';

export interface Metric {
  /** The mean query, (dims). */
  mean: Float64Array;
  /** Of the queries' second moments, and of their covariance, the lower triangular `L` of L * transposed L, (dims, dims) by rows. */
  moments: Float64Array;
  spread: Float64Array;
}

/** Of the mean of the diagonal, what is added to each number of it: directions that no query has are not lost as a whole. */
const ridge = 1e-4;

/** Of queries, each (dims); zeros without any. */
export async function metricOf(queries: readonly ArrayLike<number>[], dims: number, rest: Rest = () => {}): Promise<Metric> {
  const mean = new Float64Array(dims);
  for (const query of queries) for (let i = 0; i < dims; i++) mean[i] += query[i] / queries.length;
  return { mean, moments: await factorOf(queries, new Float64Array(dims), rest), spread: await factorOf(queries, mean, rest) };
}

/** Of the mean of what queries are beyond `from`, times itself transposed. */
async function factorOf(queries: readonly ArrayLike<number>[], from: Float64Array, rest: Rest): Promise<Float64Array> {
  const dims = from.length;
  const matrix = new Float64Array(dims * dims);
  for (const query of queries) {
    for (let i = 0; i < dims; i++) for (let j = 0; j <= i; j++) matrix[i * dims + j] += ((query[i] - from[i]) * (query[j] - from[j])) / queries.length;
    await rest(8 * dims ** 2); // as many products as take so long elsewhere
  }
  let trace = 0;
  for (let i = 0; i < dims; i++) trace += matrix[i * dims + i];
  for (let i = 0; i < dims; i++) matrix[i * dims + i] += (ridge * trace) / dims;
  return cholesky(matrix, dims);
}

/** In place; of a matrix of which the lower triangle is given. */
function cholesky(matrix: Float64Array, dims: number): Float64Array {
  for (let i = 0; i < dims; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * dims + j];
      for (let d = 0; d < j; d++) sum -= matrix[i * dims + d] * matrix[j * dims + d];
      if (i === j) matrix[i * dims + i] = Math.sqrt(Math.max(0, sum));
      else matrix[i * dims + j] = matrix[j * dims + j] ? sum / matrix[j * dims + j] : 0;
    }
  }
  return matrix;
}

/** Transposed L * key: of what two keys become, the square of the distance is the mean of (query . (one - other))^2 with L of the moments. */
export function seenBy(factor: Float64Array, key: ArrayLike<number>, into: Float32Array | Float64Array): void {
  const dims = into.length;
  for (let j = 0; j < dims; j++) {
    let sum = 0;
    for (let i = j; i < dims; i++) sum += factor[i * dims + j] * key[i];
    into[j] = sum;
  }
}

/** Deviations from the mean query of those that would ask for a key. */
const far = 4;

/** Of queries that are `far` from the mean one the one that looks at a key most, in place of the mean of all keys: (dims), into `into`. */
export function askerOf({ mean, spread }: Metric, key: ArrayLike<number>, meanKey: ArrayLike<number>, into: Float64Array): void {
  const dims = into.length;
  const seen = new Float64Array(dims);
  seenBy(spread, Float64Array.from({ length: dims }, (_, d) => key[d] - meanKey[d]), seen);
  const length = Math.sqrt(seen.reduce((sum, value) => sum + value * value, 0));
  for (let i = 0; i < dims; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += spread[i * dims + j] * seen[j];
    into[i] = mean[i] + (length ? (far * sum) / length : 0);
  }
}
