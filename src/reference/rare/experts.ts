// A mixture of experts: of each row the outputs of its chosen experts, weighted and added.
import { type AnyGate } from '../gate.ts';
import { project } from '../project.ts';
import { type Choice } from './route.ts';

export interface Expert {
  /** (2 hidden, dim): gate rows, then up rows. */
  gateUp: Float32Array;
  /** (dim, hidden) */
  down: Float32Array;
  /** (2 hidden) and (dim) */
  biases?: { gateUp: Float32Array; down: Float32Array };
}

/** x (rows, dim), what each row chose. Returns what is added to each row: (rows, dim). */
export function mix(x: Float32Array, dim: number, hidden: number, experts: readonly Expert[], choices: readonly Choice[][], gate: AnyGate): Float32Array {
  const result = new Float32Array(x.length);
  choices.forEach((chosen, row) => {
    const sums = new Float64Array(dim);
    for (const { expert, weight } of chosen) {
      const { gateUp, down, biases } = experts[expert];
      const inner = project({ weights: gateUp, rows: 2 * hidden, cols: dim, x: x.subarray(row * dim, (row + 1) * dim), gate, bias: biases?.gateUp });
      project({ weights: down, rows: dim, cols: hidden, x: inner, bias: biases?.down }).forEach((value, i) => (sums[i] += weight * value));
    }
    result.set(Float32Array.from(sums), row * dim);
  });
  return result;
}
