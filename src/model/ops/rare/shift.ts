// output = input + (the input of the token before - input) * weight: the token shift of RWKV (arXiv 2503.14456). What a step sees before its
// first row is its state.
import { type Dispatch } from '../../../gpu/program.ts';
import { type Op } from '../../graph.ts';
import { type Operation, type SequenceBuffers, pad32 } from '../../operation.ts';

export interface Shift extends Op {
  op: 'shift';
  /** Of the state, which the shifts of one input share. */
  name: string;
  input: string;
  width: number;
  /** Tensor of `parts` weights of each number, and which of them; `shape`: as the file has it. */
  weight: string;
  part: number;
  parts: number;
  shape: number[];
  /** The last shift of this input in a layer: it keeps the last row for the next step. */
  keeps: boolean;
  output: string;
}

export const shift = (given: Omit<Shift, 'op'>): Shift => ({ op: 'shift', ...given });

/** What a dispatch does: the output, and the state, or both for one row. */
const does = { output: { Mixes: 1, Keeps: 0 }, state: { Mixes: 0, Keeps: 1 }, both: { Mixes: 1, Keeps: 1 } };

export const operation: Operation<Shift> = {
  name: 'shift',
  vectors: ({ weight, width, parts, shape }) => [{ tensor: weight, length: parts * width, shape }],
  buffers: ({ input, width, output }) => ({ [input]: pad32(width), [output]: pad32(width) }),
  state: ({ name, width }) => ({ kind: 'recurrent', name, bytes: 4 * width }),
  dispatches(op, { activations: { buffers, strides } }, { vectors, vectorOffset }, mode, section) {
    const { name, input, width, weight, part, keeps, output } = op;
    const dispatch = (what: keyof typeof does): Dispatch => ({
      label: `${section}.shift`,
      kernel: { kernel: 'shift', files: ['state'], constants: does[what] },
      params: { width, stride: strides[input], output_stride: strides[output], weight: vectorOffset(weight) + part * width },
      bindings: {
        vectors, input: buffers[input], output: buffers[output],
        state: (of: SequenceBuffers) => of.state, memory: (of: SequenceBuffers) => of.recurrent!(name),
      },
      grid: ({ rows }) => [Math.ceil(width / 64), what === 'state' ? 1 : rows],
    });
    if (!keeps) return [dispatch('output')];
    return mode === 'decode' ? [dispatch('both')] : [dispatch('output'), dispatch('state')];
  },
  costs: {
    shift: ({ kernel, params = {} }, { rows }) =>
      kernel.constants!.Mixes ? { bytes: 4 * params.width * (3 * rows + 2), flops: 3 * rows * params.width } : { bytes: 8 * params.width, flops: 0 },
  },
};
