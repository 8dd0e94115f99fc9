// output += norm(input) * weight
import { type Op } from '../graph.ts';
import { type Operation, pad32 } from '../operation.ts';
import { rmsNorm } from '../rms-norm.ts';

export interface NormAdd extends Op {
  op: 'norm-add';
  input: string;
  weight: string;
  output: string;
}

export const normAdd = (given: Omit<NormAdd, 'op'>): NormAdd => ({ op: 'norm-add', ...given });

export const operation: Operation<NormAdd> = {
  name: 'norm-add',
  vectors: ({ weight }, { dim }) => [{ tensor: weight, length: dim }],
  buffers: ({ input, output }, { dim }) => ({ [input]: pad32(dim), [output]: pad32(dim) }),
  dispatches: ({ input, output, weight }, context, place, _mode, section) => [
    rmsNorm(context, place, { label: `${section}.norm-add`, input, output, weight, cols: context.graph.config.dim, add: true }),
  ],
  costs: {
    'rms-norm': ({ kernel, params = {} }, { rows }) => {
      const cols = Math.round(1 / params.inverse_cols);
      return { bytes: (kernel.constants?.Add ? 3 : 2) * rows * cols * 4 + cols * 4, flops: 4 * rows * cols };
    },
  },
};
