// output[to + h * toStep + i] = sum over j of matrix[h][i][j] * input[first + h * step + j]: a matrix for each head, of its own part of a row.
import { panelRows } from '../../../formats/panel.ts';
import { type Op, type RowRange } from '../../graph.ts';
import { type Operation, pad32 } from '../../operation.ts';
import { matrixBindings, matrixParams, weightFiles } from '../../blocks/products.ts';

export interface HeadProject extends Op {
  op: 'head-project';
  heads: number;
  /** The rows of all heads, one after the other. */
  matrix: RowRange;
  cols: number;
  input: string;
  first: number;
  step: number;
  output: string;
  to: number;
  toStep: number;
}

export const headProject = (given: Omit<HeadProject, 'op'>): HeadProject => ({ op: 'head-project', ...given });

export const operation: Operation<HeadProject> = {
  name: 'head-project',
  refusal({ matrix, cols, first, step }) {
    const odd = cols % 32 || first % 4 || step % 4;
    return odd ? `The tensor ${matrix.tensor} has ${cols} columns, from ${first} in steps of ${step}; windrow needs multiples of 32, and of 4.` : undefined;
  },
  stacks: ({ matrix, cols }) => [{ cols, ranges: [matrix], aligned: false }],
  buffers: ({ heads, matrix, cols, input, first, step, output, to, toStep }) => ({
    [input]: pad32(first + (heads - 1) * step + cols), [output]: pad32(to + (heads - 1) * toStep + matrix.rows / heads),
  }),
  dispatches: ({ heads, matrix, input, first, step, output, to, toStep }, { activations: { buffers, strides } }, { stacks: [parts] }, _mode, section) =>
    parts.map((part) => ({
      label: `${section}.${output}`,
      kernel: { kernel: 'head-project', files: weightFiles(part.matrix.format) },
      params: {
        ...matrixParams(part), rows: part.rows, first_row: part.firstRow, head_rows: matrix.rows / heads,
        first: first / 4, step: step / 4, stride: strides[input], to, to_step: toStep, output_stride: strides[output],
      },
      bindings: { ...matrixBindings(part), input: buffers[input], output: buffers[output] },
      grid: ({ rows }) => [part.panels, rows],
    })),
  costs: {
    'head-project': ({ params = {} }, { rows }) => ({
      bytes: rows * params.panels * params.panel_words * 4, flops: 2 * rows * params.panels * panelRows * params.groups * 32,
    }),
  },
};
