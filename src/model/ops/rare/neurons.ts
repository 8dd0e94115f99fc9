// output += down · input, where most numbers of the input are zeros: of the matrix the columns of those neurons are read that are on. A column
// is an item of a pool; which are on is exact, as the numbers are there before the product. Song et al., arXiv 2312.12456; arXiv 2312.11514.
import { columnBlock, columnForm } from '../../../formats/columns.ts';
import { type Dispatch } from '../../../gpu/program.ts';
import { type Op, type RowRange } from '../../graph.ts';
import { type Operation, type PoolPart, type RecordContext, type Place, pad32 } from '../../operation.ts';
import { weightConstants } from '../../blocks/products.ts';
import { type Mode } from '../../choices/kernel-choice.ts';

export interface Neurons extends Op {
  op: 'neurons';
  input: string;
  /** All rows of the matrix, whose columns are the neurons. */
  down: RowRange;
  neurons: number;
  output: string;
}

export const neurons = (given: Omit<Neurons, 'op'>): Neurons => ({ op: 'neurons', ...given });

/** Whether weights of a type can be read by columns. */
export const hasColumns = (type: string): boolean => columnForm(type) !== undefined;

/** Bits of the neurons that are on: of each row, and of any row of the step. */
const active = 'active';
const anyRow = 'active-any';
const sums = 'neuron-sums';

/** Parts of the neurons that are summed beside each other: of one row, which has too few threads without; and of many. */
const splitsOf = (mode: Mode): number => (mode === 'decode' ? 32 : 1);

/** Rows that read a column together where it is on. */
const rowsOf = (mode: Mode): number => (mode === 'decode' ? 1 : 8);

/** Share of the neurons that a token is taken to use before it is known: published models of squared or plain ReLU have 5 to 15 %. */
const usualShare = 0.1;

const wordsOf = (count: number): number => Math.ceil(count / columnBlock);

export const operation: Operation<Neurons> = {
  name: 'neurons',
  refusal: ({ down }) => (down.rows % 4 ? `The tensor ${down.tensor} has ${down.rows} rows; windrow needs a multiple of 4 there.` : undefined),
  pool: ({ neurons: items, down }) => ({
    items, used: Math.ceil(usualShare * items), chosen: { buffer: anyRow, as: 'bits' },
    stacks: () => [], columns: { tensor: down.tensor, rows: down.rows, cols: items },
  }),
  buffers: ({ input, neurons: count, down, output }) => ({ [input]: pad32(count), [active]: wordsOf(count), [output]: pad32(down.rows) }),
  scratch: ({ neurons: count, down }, _config, { chunk }) => ({
    [anyRow]: 4 * wordsOf(count), [sums]: 4 * down.rows * Math.max(splitsOf('decode'), chunk * splitsOf('prefill')),
  }),
  dispatches(op, context, place, mode, section) {
    return [mark(op, context, mode, section), ...place.pool!.map((part) => sum(op, context, place, part, mode, section)), join(op, context, mode, section)];
  },
  costs: {
    'mark-neurons': ({ params = {} }, { rows }) => ({ bytes: rows * params.words * 132, flops: rows * params.words * 32 }),
    neurons({ params = {} }, { rows }) {
      const used = usualShare * params.words * 32;
      return { bytes: used * params.slot_words * 4, flops: 2 * rows * used * params.rows };
    },
    'neurons-join': ({ params = {}, kernel }, { rows }) => ({ bytes: 16 * rows * params.quads * (kernel.consts!.Splits + 2), flops: 0 }),
  },
};

function mark({ input, neurons: count, down }: Neurons, { activations: { buffers, strides, state } }: RecordContext, mode: Mode, section: string): Dispatch {
  const words = wordsOf(count);
  return {
    label: `${section}.active`,
    kernel: { kernel: 'mark-neurons', files: ['state'] },
    params: { words, stride: strides[input], row_sums: (splitsOf(mode) * down.rows) / 4 },
    bindings: { state, input: buffers[input], any_row: buffers[anyRow], on_bits: buffers[active], sums: buffers[sums] },
    chooses: true,
    grid: () => [words],
  };
}

function sum(op: Neurons, context: RecordContext, { vectors }: Place, part: PoolPart, mode: Mode, section: string): Dispatch {
  const { input, neurons: count, down } = op;
  const { activations: { buffers, strides, state }, choice } = context;
  const { form, scales = 0 } = part.columns!;
  const splits = splitsOf(mode);
  return {
    label: `${section}.neurons`,
    kernel: {
      kernel: 'neurons', files: ['state', 'prelude', 'words/of-four', `column/${form.name}`], consts: { Splits: splits, Rows: rowsOf(mode) },
      constants: { ...weightConstants(choice), Scaled: form.scaled ? 1 : 0 },
    },
    params: {
      quads: down.rows / 4, rows: down.rows, words: wordsOf(count), slot_words: part.slotBytes / 4, first_scale: scales / 4, stride: strides[input],
    },
    bindings: {
      weights: part.binding, vectors, table: part.table, input: buffers[input], on_bits: buffers[active], sums: buffers[sums], state,
    },
    grid: ({ rows }) => [Math.ceil(down.rows / 256), splits, Math.ceil(rows / rowsOf(mode))],
  };
}

function join({ down, output }: Neurons, { activations: { buffers, strides } }: RecordContext, mode: Mode, section: string): Dispatch {
  return {
    label: `${section}.${output}`,
    kernel: { kernel: 'neurons-join', consts: { Splits: splitsOf(mode) } },
    params: { quads: down.rows / 4, output_stride: strides[output] },
    bindings: { sums: buffers[sums], output: buffers[output] },
    grid: ({ rows }) => [Math.ceil(down.rows / 256), rows],
  };
}
