// output = norm(input) * activation(gate), or the norm of their product, of groups of numbers of a row; or the product alone. What
// mixers of tokens and shared experts are multiplied with before their last matrix.
import { type Op } from '../../graph.ts';
import { type Operation, pad32 } from '../../operation.ts';

export interface GatedNorm extends Op {
  op: 'gated-norm';
  input: string;
  /** Column of the input that it begins at. Default 0. */
  first?: number;
  /** Buffer of the gate and the column that it begins at; `one`: a single number for all of a row. */
  gate: string;
  column: number;
  one?: boolean;
  activation: 'silu' | 'sigmoid' | 'gelu';
  /** What an RMS norm is of: `groups` of `width` numbers. */
  groups: number;
  width: number;
  /** Of the norm, if there is one: the tensor of its weights, for each group its own or for all the same, and whether it follows the gate. */
  norm?: { weight: string; each: 'own' | 'same'; last: boolean };
  output: string;
}

export const gatedNorm = (given: Omit<GatedNorm, 'op'>): GatedNorm => ({ op: 'gated-norm', ...given });

const activations = { silu: 0, sigmoid: 1, gelu: 2 };
const flag = (value: unknown) => (value ? 1 : 0);

export const operation: Operation<GatedNorm> = {
  name: 'gated-norm',
  vectors({ norm, groups, width }) {
    if (!norm) return [];
    return [norm.each === 'own' ? { tensor: norm.weight, length: groups * width, shape: [width, groups] } : { tensor: norm.weight, length: width }];
  },
  buffers: ({ input, first = 0, gate, column, one, groups, width, output }) => ({
    [input]: pad32(first + groups * width), [gate]: pad32(column + (one ? 1 : groups * width)), [output]: pad32(groups * width),
  }),
  dispatches(op, { activations: { buffers, strides }, graph: { config } }, { vectors, vectorOffset }, _mode, section) {
    const { input, first = 0, gate, column, one, activation, groups, width, norm, output } = op;
    return [
      {
        label: `${section}.gated-norm`,
        kernel: {
          kernel: 'gated-norm',
          constants: { Kind: activations[activation], HasNorm: flag(norm), Last: flag(norm?.last), One: flag(one), Own: flag(norm?.each === 'own') },
        },
        params: {
          width, input_stride: strides[input], gate_stride: strides[gate], output_stride: strides[output],
          first, column, weight: norm ? vectorOffset(norm.weight) : 0, eps: config.eps,
        },
        bindings: { vectors, input: buffers[input], gate: buffers[gate], output: buffers[output] },
        grid: ({ rows }) => [groups, rows],
      },
    ];
  },
  costs: {
    'gated-norm': ({ params = {}, grid }, step) => {
      const numbers = grid(step)[0] * params.width * step.rows;
      return { bytes: 12 * numbers, flops: 10 * numbers };
    },
  },
};
