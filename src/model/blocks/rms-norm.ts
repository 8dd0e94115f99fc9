// The dispatch of an RMS norm (or LayerNorm) over rows, alone or added to its output: what operations share that have one.
import { type Dispatch } from '../../gpu/program.ts';
import { type Place, type RecordContext } from '../operation.ts';

interface RmsNorm {
  label: string;
  input: string;
  output: string;
  /** A vector of `cols` numbers, as many as a row of the input has. */
  weight: string;
  cols: number;
  add?: boolean;
  /** Subtracts the mean first: a LayerNorm, with a bias if one is given. */
  center?: boolean;
  bias?: string;
  /** Of so many groups of `cols` numbers each, which are all that a row has. Default 1. */
  groups?: number;
  /** Multiplies the result at last, and so does the number that is the tensor `scale`. */
  factor?: number;
  scale?: string;
}

const flag = (value: unknown) => (value ? 1 : 0);

export function rmsNorm({ activations: { buffers, strides }, graph, choice }: RecordContext, place: Place, given: RmsNorm): Dispatch {
  const { label, input, output, weight, cols, add = false, center = false, bias, groups = 1, factor = 1, scale } = given;
  return {
    label,
    kernel: {
      kernel: 'rms-norm', files: [`reduce/${choice.reduce}`],
      constants: { Add: flag(add), Center: flag(center), HasBias: flag(bias), Scaled: flag(factor !== 1), HasScale: flag(scale) },
    },
    params: {
      groups: Math.ceil(cols / 4), cols,
      input_stride: groups > 1 ? cols : strides[input], output_stride: groups > 1 ? cols : strides[output],
      factor, scale: scale === undefined ? 0 : place.vectorOffset(scale), bias: bias === undefined ? 0 : place.vectorOffset(bias) / 4,
      norm: place.vectorOffset(weight) / 4, inverse_cols: 1 / cols, eps: graph.config.eps,
    },
    bindings: { vectors: place.vectors, input: buffers[input], output: buffers[output] },
    grid: ({ rows }) => [rows * groups],
  };
}
