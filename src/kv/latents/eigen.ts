// Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to three diagonals, then implicit QL (Golub and Van Loan, Matrix Computations,
// 8.3), about 9 n³ operations. Pure.
import { UnsupportedModelError } from '../../errors.ts';

export interface Eigen {
  /** The largest first. */
  values: Float64Array;
  /** (n, n): of each value, in order, a row of length 1. */
  vectors: Float64Array;
}

/** Is told how many products were summed since it was last; what it gives is awaited before more are. It throws to end the work. */
export type Rest = (operations: number) => Promise<void> | void;

/** Bytes of the processor's memory that `symmetricEigen` takes at most, beside the matrix: a copy, what reflects it, and what is reflected. */
export const eigenBytes = (n: number): number => 3 * 8 * n ** 2;

/** `matrix`: (n, n), symmetric; it is not changed. UnsupportedModelError where no values are found, which no matrix is known for. */
export async function symmetricEigen(matrix: Float64Array, n: number, rest: Rest = () => {}): Promise<Eigen> {
  const { diagonal, beside, rows } = await tridiagonal(Float64Array.from(matrix), n, rest);
  // By the whole matrix, not by the two values next to it: those of a matrix of a lower rank may both be rounding, which nothing is small beside.
  const nothing = Number.EPSILON * diagonal.reduce((most, d, i) => Math.max(most, Math.abs(d) + Math.abs(beside[i])), 0);
  for (let l = 0; l < n; l++) await findValue(diagonal, beside, rows, n, { l, nothing, rest });
  const order = [...diagonal.keys()].sort((a, b) => diagonal[b] - diagonal[a]);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => vectors.set(rows.subarray(from * n, from * n + n), to * n));
  return { values: Float64Array.from(order, (i) => diagonal[i]), vectors };
}

/** a = rowsᵀ T rows, with T of a diagonal and what is beside it; `a` is overwritten. */
async function tridiagonal(a: Float64Array, n: number, rest: Rest): Promise<{ diagonal: Float64Array; beside: Float64Array; rows: Float64Array }> {
  const reflectors: Float64Array[] = [];
  for (let k = 0; k < n - 2; k++) {
    const v = reflector(a, n, k);
    reflectors.push(v);
    reflectBoth(a, n, k + 1, v);
    await rest(3 * (n - k) ** 2);
  }
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  for (let k = n - 3; k >= 0; k--) {
    const v = reflectors[k];
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += rows[i * n + j] * v[j];
      for (let j = k + 1; j < n; j++) rows[i * n + j] -= sum * v[j];
    }
    await rest(2 * (n - k) ** 2);
  }
  return {
    diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]),
    beside: Float64Array.from({ length: n }, (_, i) => (i + 1 < n ? a[i * n + i + 1] : 0)), rows,
  };
}

/** v, so that x - v (v · x) has one number more than zeros behind row k, where x is that row; zeros where it is so already. */
function reflector(a: Float64Array, n: number, k: number): Float64Array {
  const v = new Float64Array(n);
  let square = 0;
  for (let j = k + 1; j < n; j++) square += a[k * n + j] ** 2;
  const first = a[k * n + k + 1];
  const length = Math.sqrt(square);
  if (length === Math.abs(first)) return v;
  const becomes = first > 0 ? -length : length;
  // (v · v) is 2.
  const factor = 1 / Math.sqrt(length * (length + Math.abs(first)));
  for (let j = k + 1; j < n; j++) v[j] = a[k * n + j] * factor;
  v[k + 1] = (first - becomes) * factor;
  return v;
}

/** a becomes H a H, H = 1 - v vᵀ, where v has nothing before `first` and a's rows before `first - 1` are done. */
function reflectBoth(a: Float64Array, n: number, first: number, v: Float64Array): void {
  const from = first - 1;
  const w = new Float64Array(n);
  let along = 0;
  for (let i = from; i < n; i++) {
    let sum = 0;
    for (let j = first; j < n; j++) sum += a[i * n + j] * v[j];
    w[i] = sum;
    along += sum * v[i];
  }
  for (let i = from; i < n; i++) w[i] -= 0.5 * along * v[i];
  for (let i = from; i < n; i++) {
    const [vi, wi] = [v[i], w[i]];
    for (let j = from; j < n; j++) a[i * n + j] -= vi * w[j] + wi * v[j];
  }
}

/** Turns rows until what is beside value `l` is at most `nothing`. */
async function findValue(
  d: Float64Array, e: Float64Array, rows: Float64Array, n: number, { l, nothing, rest }: { l: number; nothing: number; rest: Rest },
): Promise<void> {
  for (let round = 0; ; round++) {
    let m = l;
    while (m < n - 1 && Math.abs(e[m]) > nothing) m++;
    if (m === l) return;
    if (round === 60)
      throw new UnsupportedModelError(
        `The weights that make keys or values in a layer have no latents: an eigenvalue of their ${n} rows was not found in 60 rounds. ` +
        'Choose another kv than xquant, such as kivi4.',
      );
    sweep(d, e, rows, n, [l, m]);
    await rest(4 * (m - l) * n);
  }
}

/** One sweep of implicit QL from row `m` up to row `l`. */
function sweep(d: Float64Array, e: Float64Array, rows: Float64Array, n: number, [l, m]: readonly [number, number]): void {
  const half = (d[l + 1] - d[l]) / (2 * e[l]);
  let g = d[m] - d[l] + e[l] / (half + (half < 0 ? -1 : 1) * Math.hypot(half, 1));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const [f, b] = [s * e[i], c * e[i]];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    const before = d[i + 1] - p;
    const t = (d[i] - before) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = before + p;
    g = c * t - b;
    turnRows(rows, n, i, s, c);
  }
  d[l] -= p;
  e[l] = g;
  e[m] = 0;
}

function turnRows(rows: Float64Array, n: number, i: number, s: number, c: number): void {
  const upper = rows.subarray(i * n, i * n + n);
  const lower = rows.subarray(i * n + n, i * n + 2 * n);
  for (let k = 0; k < n; k++) {
    const x = lower[k];
    lower[k] = s * upper[k] + c * x;
    upper[k] = c * upper[k] - s * x;
  }
}
