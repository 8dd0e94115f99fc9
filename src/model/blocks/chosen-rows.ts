// Logits of chosen rows of a step: those rows of the residual stream, gathered, for the head to run over them alone. The
// last row of one sequence needs none of this: the head's product for one row finds it by itself.
import { type Ledger } from '../../gpu/ledger.ts';
import { type Binding, type Dispatch } from '../../gpu/program.ts';
import { stateBytes } from '../activations.ts';
import { type RecordContext } from '../operation.ts';
import { fewRows } from './products.ts';

/** Most rows at once: as many as the product for a few rows takes. */
export const mostChosen = fewRows;

export interface ChosenRows {
  /** (row) which rows of the step. */
  rows: Binding;
  /** `State` whose rows are as many as are chosen. */
  state: Binding;
  /** (row, stride of `x`) */
  x: Binding;
}

/** Bytes of what `createChosenRows` makes, for activations of `stride` numbers. */
export const chosenRowsBytes = (stride: number): Record<keyof ChosenRows, number> => ({ rows: 4 * mostChosen, state: stateBytes, x: 4 * mostChosen * stride });

export function createChosenRows(ledger: Ledger, stride: number): ChosenRows {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const made = Object.entries(chosenRowsBytes(stride)).map(([name, bytes]) => [name, { buffer: ledger.create('activations', `chosen.${name}`, bytes, usage) }]);
  return Object.fromEntries(made) as ChosenRows;
}

/** Gathers the chosen rows of `x`; its step has as many rows as are chosen. */
export function pickRows({ activations: { buffers, strides } }: RecordContext, { rows, x }: ChosenRows): Dispatch {
  const groups = strides.x / 4;
  return {
    label: 'head.pick', kernel: { kernel: 'pick-rows' }, params: { groups },
    bindings: { rows, input: buffers.x, output: x },
    grid: ({ rows: count }) => [Math.ceil(groups / 64), count],
  };
}

/** What the head is recorded with to run over the chosen rows in place of those of the step. */
export const overChosen = (context: RecordContext, { state, x }: ChosenRows): RecordContext => ({
  ...context, activations: { ...context.activations, state, buffers: { ...context.activations.buffers, x } },
});
