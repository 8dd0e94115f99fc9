// A matrix times rows of activations, with everything that the matvec and matmul kernels fuse into it.
import { type Gate, activate } from './gate.ts';

export interface Projection {
  /** (rows, cols) */
  weights: Float32Array;
  rows: number;
  cols: number;
  /** (tokens, cols) */
  x: Float32Array;
  /** RMS norm of each row of x before the product: weight (cols) and eps. */
  norm?: { weight: Float32Array; eps: number };
  /** (rows) */
  bias?: Float32Array;
  /** The first half of the rows goes through the activation and multiplies the second half. */
  gate?: Gate;
  /** cap * tanh(value / cap) */
  softcap?: number;
  /** Added last: (tokens, rows), or (tokens, rows / 2) if gated. */
  residual?: Float32Array;
}

/** Returns (tokens, rows), or (tokens, rows / 2) if gated. */
export function project(projection: Projection): Float32Array {
  const { rows, cols, x, gate, softcap, residual } = projection;
  const tokens = x.length / cols;
  const width = gate ? rows / 2 : rows;
  const result = new Float32Array(tokens * width);
  for (let t = 0; t < tokens; t++) {
    const values = products(projection, x.subarray(t * cols, (t + 1) * cols));
    for (let i = 0; i < width; i++) {
      let value = gate ? activate(values[i], gate) * values[i + width] : values[i];
      if (softcap) value = softcap * Math.tanh(value / softcap);
      if (residual) value += residual[t * width + i];
      result[t * width + i] = value;
    }
  }
  return result;
}

/** The products of all rows with one row of activations, norm and bias included. The norm stays in f64. */
function products({ weights, rows, cols, norm, bias }: Projection, x: Float32Array): Float64Array {
  const scale = norm ? 1 / Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0) / cols + norm.eps) : 1;
  const input = Float64Array.from(x, (value, i) => (norm ? value * scale * norm.weight[i] : value));
  const values = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < cols; i++) sum += weights[row * cols + i] * input[i];
    values[row] = sum + (bias ? bias[row] : 0);
  }
  return values;
}
