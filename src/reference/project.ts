// A matrix times rows of activations, with everything that the matvec and matmul kernels fuse into it.
import { type Activation } from '../model/ops/project.ts';
import { type AnyGate, activateAlone, gateWith } from './gate.ts';

export interface Projection {
  /** (rows, cols) */
  weights: Float32Array;
  rows: number;
  cols: number;
  /** (tokens, cols) */
  x: Float32Array;
  /** Norm of each row of x before the product: weight (cols) and eps. RMS, or with `center` a LayerNorm. */
  norm?: { weight: Float32Array; eps: number; center?: boolean; bias?: Float32Array };
  /** (rows) */
  bias?: Float32Array;
  /** The first half of the rows goes through the activation and multiplies the second half. */
  gate?: AnyGate;
  /** In place of a gate, of each result. */
  activation?: Activation;
  /** Multiplies each result after gate or activation. */
  scale?: number;
  /** cap * tanh(value / cap) */
  softcap?: number;
  /** Added last: (tokens, rows), or (tokens, rows / 2) if gated. */
  residual?: Float32Array;
}

/** Returns (tokens, rows), or (tokens, rows / 2) if gated. */
export function project(projection: Projection): Float32Array {
  const { rows, cols, x, gate, activation, scale = 1, softcap, residual } = projection;
  const tokens = x.length / cols;
  const width = gate ? rows / 2 : rows;
  const result = new Float32Array(tokens * width);
  for (let t = 0; t < tokens; t++) {
    const values = products(projection, x.subarray(t * cols, (t + 1) * cols));
    for (let i = 0; i < width; i++) {
      const plain = activation ? activateAlone(values[i], activation) : values[i];
      let value = (gate ? gateWith(values[i], values[i + width], gate) : plain) * scale;
      if (softcap) value = softcap * Math.tanh(value / softcap);
      if (residual) value += residual[t * width + i];
      result[t * width + i] = value;
    }
  }
  return result;
}

/** The products of all rows with one row of activations, norm and bias included. The norm stays in f64. */
function products({ weights, rows, cols, norm, bias }: Projection, x: Float32Array): Float64Array {
  const mean = norm?.center ? x.reduce((sum, value) => sum + value, 0) / cols : 0;
  const scale = norm ? 1 / Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cols + norm.eps) : 1;
  const input = Float64Array.from(x, (value, i) => (norm ? (value - mean) * scale * norm.weight[i] + (norm.bias?.[i] ?? 0) : value));
  const values = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < cols; i++) sum += weights[row * cols + i] * input[i];
    values[row] = sum + (bias ? bias[row] : 0);
  }
  return values;
}
