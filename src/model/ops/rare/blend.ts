// output = output + (input - output) * sigmoid(gate): what a layer takes over of an earlier one.
import { type Op } from '../../graph.ts';
import { type Operation, pad32 } from '../../operation.ts';

export interface Blend extends Op {
  op: 'blend';
  input: string;
  gate: string;
  width: number;
  output: string;
}

export const blend = (given: Omit<Blend, 'op'>): Blend => ({ op: 'blend', ...given });

export const operation: Operation<Blend> = {
  name: 'blend',
  buffers: ({ input, gate, width, output }) => ({ [input]: pad32(width), [gate]: pad32(width), [output]: pad32(width) }),
  dispatches: ({ input, gate, width, output }, { activations: { buffers, strides } }, _place, _mode, section) => [
    {
      label: `${section}.blend`,
      kernel: { kernel: 'blend' },
      params: { width, input_stride: strides[input], gate_stride: strides[gate], output_stride: strides[output] },
      bindings: { input: buffers[input], gate: buffers[gate], output: buffers[output] },
      grid: ({ rows }) => [Math.ceil(width / 64), rows],
    },
  ],
  costs: { blend: ({ params = {} }, { rows }) => ({ bytes: 16 * rows * params.width, flops: 6 * rows * params.width }) },
};
