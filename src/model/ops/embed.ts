// output row t = table[ids[t]] * scale
import { type Op } from '../graph.ts';
import { type Operation, type SequenceBuffers, pad32 } from '../operation.ts';
import { matrixBindings, matrixParams, weightFiles } from '../blocks/products.ts';

export interface Embed extends Op {
  op: 'embed';
  table: string;
  scale: number;
  /** Numbers of a row. Default: as wide as the model. */
  cols?: number;
  output: string;
}

export const embed = (given: Omit<Embed, 'op'>): Embed => ({ op: 'embed', ...given });

export const operation: Operation<Embed> = {
  name: 'embed',
  stacks: ({ table, cols }, { dim, vocab }) => [{ cols: cols ?? dim, ranges: [{ tensor: table, firstRow: 0, rows: vocab }], aligned: false }],
  buffers: ({ output, cols }, { dim }) => ({ [output]: pad32(cols ?? dim) }),
  dispatches: ({ scale, output }, { activations: { buffers, strides } }, { stacks: [parts] }, _mode, section) =>
    parts.map((part) => {
      const groups = Math.ceil(part.matrix.cols / 32);
      return {
        label: `${section}.embed`,
        kernel: { kernel: 'embed', files: [...weightFiles(part.matrix.format), 'state'] },
        params: { ...matrixParams(part), groups, first_row: part.firstRow, rows: part.rows, stride: strides[output], scale },
        bindings: { ...matrixBindings(part), state: (of: SequenceBuffers) => of.state, ids: (of: SequenceBuffers) => of.ids, output: buffers[output] },
        grid: ({ rows }) => [Math.ceil(groups / 64), rows],
      };
    }),
  costs: {
    embed: ({ params = {} }, { rows }) => ({ bytes: rows * (params.panel_words / 32 + params.groups * 32) * 4, flops: 2 * rows * params.groups * 32 }),
  },
};
