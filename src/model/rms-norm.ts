// The dispatch of an RMS norm (or LayerNorm) over rows, alone or added to its output: what operations share that have one.
import { type Dispatch } from '../gpu/program.ts';
import { type Place, type RecordContext } from './operation.ts';

interface RmsNorm {
  label: string;
  input: string;
  output: string;
  /** A vector of `cols` numbers, as many as a row of the input has. */
  weight: string;
  cols: number;
  add?: boolean;
  /** Subtracts the mean first: a LayerNorm without bias. */
  center?: boolean;
}

export function rmsNorm({ activations: { buffers, strides }, graph, choice }: RecordContext, place: Place, given: RmsNorm): Dispatch {
  const { label, input, output, weight, cols, add = false, center = false } = given;
  return {
    label,
    kernel: { kernel: 'rms-norm', files: [`reduce/${choice.reduce}`], constants: { Add: add ? 1 : 0, Center: center ? 1 : 0 } },
    params: {
      groups: Math.ceil(cols / 4), cols, input_stride: strides[input], output_stride: strides[output],
      norm: place.vectorOffset(weight) / 4, inverse_cols: 1 / cols, eps: graph.config.eps,
    },
    bindings: { vectors: place.vectors, input: buffers[input], output: buffers[output] },
    grid: ({ rows }) => [rows],
  };
}
