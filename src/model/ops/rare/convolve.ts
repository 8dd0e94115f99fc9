// output[t][c] = activation(bias[c] + sum over j of weight[c][j] * input[t - width + 1 + j][c]): a causal convolution of every channel for
// itself. What it sees before a step is its state: the last width - 1 inputs.
import { type Dispatch } from '../../../gpu/program.ts';
import { type Op } from '../../graph.ts';
import { type Operation, type SequenceBuffers, pad32 } from '../../operation.ts';

export interface Convolve extends Op {
  op: 'convolve';
  /** Of its state, unlike that of any other operation. */
  name: string;
  input: string;
  /** Column of the input that the channels begin at. */
  first: number;
  /** Columns of which one is multiplied with the input first, and one with the output at last (LFM2). */
  gates?: { before: number; after: number };
  channels: number;
  /** Inputs that an output sees. */
  width: number;
  /** Tensor (channels, width). */
  weight: string;
  bias?: string;
  /** SiLU at last. */
  silu: boolean;
  output: string;
}

export const convolve = (given: Omit<Convolve, 'op'>): Convolve => ({ op: 'convolve', ...given });

const flag = (value: unknown) => (value ? 1 : 0);
/** What a dispatch does: all for one row; or the output, and then the state, for many. */
const parts = { all: 0, output: 1, state: 2 };

export const operation: Operation<Convolve> = {
  name: 'convolve',
  vectors: ({ weight, bias, channels, width }) => [
    { tensor: weight, length: channels * width, shape: [width, channels] },
    ...(bias === undefined ? [] : [{ tensor: bias, length: channels }]),
  ],
  buffers: ({ input, first, gates, output, channels }) => ({
    [input]: pad32(Math.max(first, gates?.before ?? 0, gates?.after ?? 0) + channels), [output]: pad32(channels),
  }),
  state: ({ name, channels, width }) => ({ kind: 'recurrent', name, bytes: 4 * channels * (width - 1) }),
  dispatches(op, { activations: { buffers, strides } }, { vectors, vectorOffset }, mode, section) {
    const { name, input, first, gates, channels, width, weight, bias, silu, output } = op;
    const dispatch = (part: keyof typeof parts): Dispatch => ({
      label: `${section}.convolve`,
      kernel: {
        kernel: 'convolve', files: ['state'],
        constants: { Part: parts[part], Gated: flag(gates), HasBias: flag(bias), Silu: flag(silu) },
      },
      params: {
        channels, width, first,
        before: gates?.before ?? 0, after: gates?.after ?? 0,
        stride: strides[input], output_stride: strides[output],
        weight: vectorOffset(weight), bias: bias === undefined ? 0 : vectorOffset(bias),
      },
      bindings: {
        vectors, input: buffers[input], output: buffers[output],
        state: (of: SequenceBuffers) => of.state, memory: (of: SequenceBuffers) => of.recurrent!(name),
      },
      grid: ({ rows }) => [Math.ceil(channels / 64), part === 'state' ? 1 : rows],
    });
    return mode === 'decode' ? [dispatch('all')] : [dispatch('output'), dispatch('state')];
  },
  costs: {
    convolve({ kernel, params = {} }, { rows }) {
      const { channels, width } = params;
      if (kernel.constants!.Part === parts.state) return { bytes: 8 * channels * (width - 1), flops: 0 };
      return { bytes: 4 * channels * (2 * rows + 3 * width), flops: 2 * rows * channels * width };
    },
  },
};
