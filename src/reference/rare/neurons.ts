// Feed-forward layers by their neurons, gated by a ReLU or not, and of those the ones of experts: what their kernels have to give, whichever of the
// neurons they leave out.
import { project } from '../project.ts';
import { type Choice } from './route.ts';

/** gate_e · x of each expert e that a row chose, in the order of choice: x (rows, cols), `gate` (experts, hidden, cols); (rows, used, hidden). */
export function gatesOf(x: Float32Array, cols: number, gate: Float32Array, hidden: number, choices: readonly Choice[][]): Float32Array {
  const used = choices[0].length;
  const result = new Float32Array(choices.length * used * hidden);
  choices.forEach((chosen, row) => chosen.forEach(({ expert }, i) => {
    const weights = gate.subarray(expert * hidden * cols, (expert + 1) * hidden * cols);
    result.set(project({ weights, rows: hidden, cols, x: x.subarray(row * cols, (row + 1) * cols) }), (row * used + i) * hidden);
  }));
  return result;
}

export interface Gated {
  /** (rows, cols) */
  x: Float32Array;
  cols: number;
  /** (experts, neurons, cols) */
  up: Float32Array;
}

/**
 * What is added to rows of `dim` numbers: down_e · (ReLU(gates) * (up_e · x)) of each choice of a row, weighted; without experts there is one,
 * of weight 1, and without `gated` the input is what multiplies `down` (experts, dim, neurons).
 */
export function neuronsAdded(
  input: Float32Array, { dim, neurons, down, gated }: { dim: number; neurons: number; down: Float32Array; gated?: Gated }, choices: readonly Choice[][],
): Float32Array {
  const result = new Float32Array(choices.length * dim);
  choices.forEach((chosen, row) => {
    const sums = new Float64Array(dim);
    chosen.forEach(({ expert, weight }, i) => {
      const first = (row * chosen.length + i) * neurons;
      let x = input.subarray(first, first + neurons);
      if (gated) {
        const weights = gated.up.subarray(expert * neurons * gated.cols, (expert + 1) * neurons * gated.cols);
        const ups = project({ weights, rows: neurons, cols: gated.cols, x: gated.x.subarray(row * gated.cols, (row + 1) * gated.cols) });
        x = x.map((gate, n) => Math.max(gate, 0) * ups[n]);
      }
      const weights = down.subarray(expert * dim * neurons, (expert + 1) * dim * neurons);
      project({ weights, rows: dim, cols: neurons, x }).forEach((value, n) => (sums[n] += weight * value));
    });
    result.set(Float32Array.from(sums), row * dim);
  });
  return result;
}
