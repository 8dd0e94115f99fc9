// output = (output + norm(input) * weight) * scale; or without what was there
import { type Op } from '../graph.ts';
import { type Operation, pad32 } from '../operation.ts';
import { rmsNorm } from '../blocks/rms-norm.ts';

export interface NormAdd extends Op {
  op: 'norm-add';
  input: string;
  weight: string;
  output: string;
  /** What a norm is of: so many groups of `width` numbers, all that a row has. Default: one, as wide as the model. */
  groups?: { count: number; width: number };
  /** Default: true. */
  add?: boolean;
  /** Multiplies the result, and so does the tensor of one number. */
  factor?: number;
  scale?: string;
}

export const normAdd = (given: Omit<NormAdd, 'op'>): NormAdd => ({ op: 'norm-add', ...given });

export const operation: Operation<NormAdd> = {
  name: 'norm-add',
  vectors: ({ weight, groups, scale }, { dim }) => [
    { tensor: weight, length: groups?.width ?? dim }, ...(scale === undefined ? [] : [{ tensor: scale, length: 1 }]),
  ],
  refusal: ({ weight, groups }) =>
    groups && groups.width % 32 ? `The tensor ${weight} is for groups of ${groups.width} numbers; windrow needs a multiple of 32.` : undefined,
  buffers({ input, output, groups }, { dim }) {
    const width = pad32(groups ? groups.count * groups.width : dim);
    return { [input]: width, [output]: width };
  },
  dispatches({ input, output, weight, groups, add = true, factor, scale }, context, place, _mode, section) {
    const { count, width } = groups ?? { count: 1, width: context.graph.config.dim };
    return [rmsNorm(context, place, { label: `${section}.norm-add`, input, output, weight, cols: width, groups: count, add, factor, scale })];
  },
  costs: {
    'rms-norm': ({ kernel, params = {}, grid }, step) => {
      const [rows] = grid(step);
      const cols = Math.round(1 / params.inverse_cols);
      return { bytes: (kernel.constants?.Add ? 3 : 2) * rows * cols * 4 + cols * 4, flops: 4 * rows * cols };
    },
  },
};
