// buffer = tanh(buffer), or the sigmoid: between the two products of a matrix that is stored as two narrow ones.
import { type Op } from '../../graph.ts';
import { type Operation, pad32 } from '../../operation.ts';

export interface Squash extends Op {
  op: 'squash';
  buffer: string;
  width: number;
  by: 'tanh' | 'sigmoid';
}

export const squash = (given: Omit<Squash, 'op'>): Squash => ({ op: 'squash', ...given });

export const operation: Operation<Squash> = {
  name: 'squash',
  buffers: ({ buffer, width }) => ({ [buffer]: pad32(width) }),
  dispatches: ({ buffer, width, by }, { activations: { buffers, strides } }, _place, _mode, section) => [
    {
      label: `${section}.squash`,
      kernel: { kernel: 'squash', constants: { Tanh: by === 'tanh' ? 1 : 0 } },
      params: { width, stride: strides[buffer] },
      bindings: { output: buffers[buffer] },
      grid: ({ rows }) => [Math.ceil(width / 64), rows],
    },
  ],
  costs: { squash: ({ params = {} }, { rows }) => ({ bytes: 8 * rows * params.width, flops: 4 * rows * params.width }) },
};
