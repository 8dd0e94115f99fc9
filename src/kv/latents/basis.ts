// The basis of a layer's latents (XQuant, arXiv 2508.10395, its form for grouped queries): with W = U S Vᵀ of the weights that make keys, or values, of inputs
// x, the latents are Uᵀ x, and S Vᵀ makes keys or values of them. As those are V S Uᵀ x, latents are had from them too: what lies along a row of S Vᵀ, over
// the square of its length. Pure, in float64.
import { type CacheHeads } from '../../model/graph.ts';
import { type KvFormat } from '../formats/format.ts';
import { type Rest, symmetricEigen } from './eigen.ts';

/** What the rows of a layer's weights make of an input, beside their products. */
export interface LatentWeights {
  /** (kvHeads * headDim, cols): of keys, or of values. */
  rows: Float32Array;
  cols: number;
  /** (kvHeads * headDim) */
  bias?: Float32Array;
}

/** vec4s of a row of all heads, each padded to whole ones. */
export const rowVec4s = ({ kvHeads, headDim }: CacheHeads): number => kvHeads * Math.ceil(headDim / 4);

/** Bytes of a layer's basis, as shaders/kv/policies/latents/basis.wgsl reads it. */
export const basisBytes = (heads: CacheHeads): number => 16 * (8 * rowVec4s(heads) ** 2 + 4 * rowVec4s(heads));

/**
 * (channels, channels): S Vᵀ, singular values from the largest on. Of a row and its negative, which serve as well, that whose number of largest size is
 * positive, so that codes are the same everywhere.
 */
export async function basisOf({ rows, cols }: Pick<LatentWeights, 'rows' | 'cols'>, rest: Rest = () => {}): Promise<Float64Array> {
  const n = rows.length / cols;
  const { values, vectors } = await symmetricEigen(await gram(rows, cols, n, rest), n, rest);
  for (let i = 0; i < n; i++) {
    const row = vectors.subarray(i * n, i * n + n);
    const largest = row.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
    const factor = Math.sqrt(Math.max(0, values[i])) * (largest < 0 ? -1 : 1);
    for (let c = 0; c < n; c++) row[c] *= factor;
  }
  return vectors;
}

/** (n, n): of all rows the products with each other. */
async function gram(rows: Float32Array, cols: number, n: number, rest: Rest): Promise<Float64Array> {
  const products = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const a = Float64Array.from(rows.subarray(i * cols, i * cols + cols));
    for (let j = 0; j <= i; j++) {
      const b = rows.subarray(j * cols, j * cols + cols);
      let sum = 0;
      for (let c = 0; c < cols; c++) sum += a[c] * b[c];
      products[i * n + j] = products[j * n + i] = sum;
    }
    await rest((i + 1) * cols);
  }
  return products;
}

/** What of the longest row's length another has at least: along a shorter one lies nothing but what fresh slots were rounded by, or sums in f32. */
const leastLength = ({ rounding }: Pick<KvFormat, 'rounding'>): number => Math.max(1e-6, rounding / 2);

/** What the GPU has of a layer's basis, `basisBytes` long. Latents along rows that are too short for fresh slots of a format are zeros. */
export async function basisFloats(
  heads: CacheHeads, [keys, values]: readonly [LatentWeights, LatentWeights], fresh: Pick<KvFormat, 'rounding'>, rest?: Rest,
): Promise<Float32Array<ArrayBuffer>> {
  const { headDim } = heads;
  const padded = 4 * rowVec4s(heads);
  const floats = new Float32Array(basisBytes(heads) / 4);
  const factors = 2 * padded * padded;
  /** Of a channel of all heads its place among padded ones. */
  const at = (c: number) => Math.floor(c / headDim) * 4 * Math.ceil(headDim / 4) + (c % headDim);
  for (const [part, weights] of [keys, values].entries()) {
    const n = weights.rows.length / weights.cols;
    const basis = await basisOf(weights, rest);
    const square = (i: number) => basis.subarray(i * n, i * n + n).reduce((sum, x) => sum + x * x, 0);
    const least = leastLength(fresh) ** 2 * square(0);
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < n; c++) floats[(part * padded + at(i)) * padded + at(c)] = basis[i * n + c];
      floats[factors + part * padded + at(i)] = square(i) > least ? 1 / square(i) : 0;
      floats[factors + (2 + part) * padded + at(i)] = weights.bias?.[i] ?? 0;
    }
  }
  return floats;
}
