// A branch with the norm of another added to it (Gemma 2's norms after attention and feed-forward).
import { rmsNorm } from './rms-norm.ts';

/** branch (tokens, dim), if given, + rmsNorm(x (tokens, dim), weight (dim)). Returns (tokens, dim). */
export function normAdd(branch: Float32Array | undefined, x: Float32Array, weight: Float32Array, eps: number): Float32Array {
  return rmsNorm(x, weight, eps).map((value, i) => (branch ? branch[i] : 0) + value);
}
