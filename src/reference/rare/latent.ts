// The rotated parts of queries, and a key and a value of a latent, as attention to latents takes them.
import { rmsNorm } from '../rms-norm.ts';

export interface Latents {
  /** (tokens, latentDim): before the norm, whose weights are (latentDim). */
  latents: Float32Array;
  weight: Float32Array;
  /** (tokens, rotatedDim) */
  keys: Float32Array;
  /** (tokens, heads, rotatedDim) */
  queries: Float32Array;
  latentDim: number;
  rotatedDim: number;
  heads: number;
  eps: number;
}

/** Sets all but the latent parts of the queries in `qkv` (tokens, heads + 2, rotatedDim + latentDim). */
export function setLatents(qkv: Float32Array, { latents, weight, keys, queries, latentDim, rotatedDim, heads, eps }: Latents): void {
  const width = rotatedDim + latentDim;
  const normed = rmsNorm(latents, weight, eps);
  for (let t = 0; t < latents.length / latentDim; t++) {
    const row = qkv.subarray(t * (heads + 2) * width, (t + 1) * (heads + 2) * width);
    for (let head = 0; head < heads; head++) {
      const from = (t * heads + head) * rotatedDim;
      row.set(queries.subarray(from, from + rotatedDim), head * width);
    }
    const own = normed.subarray(t * latentDim, (t + 1) * latentDim);
    row.set(keys.subarray(t * rotatedDim, (t + 1) * rotatedDim), heads * width);
    row.set(own, heads * width + rotatedDim);
    row.fill(0, (heads + 1) * width, (heads + 1) * width + rotatedDim);
    row.set(own, (heads + 1) * width + rotatedDim);
  }
}
