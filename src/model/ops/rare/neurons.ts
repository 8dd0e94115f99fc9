// output += down · input, where most numbers of the input are zeros: of the matrix the columns of those neurons are read that are on. Which are on
// is exact, as the numbers are there before the product. Song et al., arXiv 2312.12456; arXiv 2312.11514. Gated by a ReLU, the input is the
// gates, and of a neuron whose gate is on its row of `up` is read too: gate * (up · x) then stands for the gate. A neuron is an item of a pool, its
// row and its column side by side. In a mixture the neurons are those of all experts, of which a row has those that it chose.
import { type ColumnForm, columnBlock, columnForm } from '../../../formats/columns.ts';
import { type Dispatch } from '../../../gpu/program.ts';
import { type Op, type RowRange } from '../../graph.ts';
import { type Operation, type PoolPart, type RecordContext, type Place, pad32 } from '../../operation.ts';
import { weightConstants } from '../../blocks/products.ts';
import { rmsNorm } from '../../blocks/rms-norm.ts';
import { type Mode } from '../../choices/kernel-choice.ts';
import { assignFiles, order, starts, tokensOf } from './experts.ts';
import { chosen, chosenWords } from './route.ts';

export interface Neurons extends Op {
  op: 'neurons';
  /** Of each row, or of each of its experts, a number for each neuron: what multiplies its column, or gates before their ReLU. */
  input: string;
  /** All rows of the matrix whose columns are the neurons; of experts those of each, one after the other. */
  down: RowRange;
  /** Of an expert, if there are any. */
  neurons: number;
  output: string;
  gated?: {
    /** Rows of `cols` numbers, which `norm` is applied to if it is given. */
    input: string;
    norm?: string;
    cols: number;
    /** A row for each neuron. */
    up: RowRange;
  };
  /** Chosen by `route`. */
  experts?: { count: number; used: number };
}

export const neurons = (given: Omit<Neurons, 'op'>): Neurons => ({ op: 'neurons', ...given });

/** Whether weights of these types can be read by rows and columns of single neurons. */
export const hasColumns = (...types: string[]): boolean => types.every((type) => columnForm(type) !== undefined);

/** Bits of the neurons that are on: of each choice of a row, and of any of the step. */
const active = 'active';
const anyRow = 'active-any';
const sums = 'neuron-sums';
const normed = 'normed';

const wordsOf = (count: number): number => Math.ceil(count / columnBlock);
const countOf = ({ experts }: Neurons): number => experts?.count ?? 1;
const usedOf = ({ experts }: Neurons): number => experts?.used ?? 1;
/** Numbers of a column. */
const rowsOf = (op: Neurons): number => op.down.rows / countOf(op);

/** Parts of the neurons that are summed beside each other: of one row, which has too few threads without; and of many. */
const splitsOf = ({ neurons: count }: Neurons, mode: Mode): number => (mode === 'decode' ? Math.min(32, wordsOf(count)) : 1);

/** Choices that a workgroup takes together: of many as many as registers hold four numbers twice of. */
const togetherOf = (mode: Mode, { choice: { registers } }: RecordContext): number => (registers === 64 ? Math.min(4, tokensOf(mode)) : tokensOf(mode));

/** Share of the neurons that a token is taken to use before it is known: published models of squared or plain ReLU have 5 to 15 %. */
const usualShare = 0.1;

const filesOf = ({ experts }: Neurons, mode: Mode): string[] =>
  (experts ? assignFiles(mode) : ['assign/assigned', ...(mode === 'decode' ? ['assign/row'] : ['state', 'assign/rows'])]);

function bindingsOf({ experts }: Neurons, { activations: { buffers, state } }: RecordContext, mode: Mode): Dispatch['bindings'] {
  if (experts) return mode === 'decode' ? { chosen: buffers[chosen] } : { order: buffers[order], starts: buffers[starts] };
  return mode === 'decode' ? {} : { state };
}

/** What is said of a step's choices where all of them are looked at. */
const choicesOf = (
  op: Neurons, { activations: { buffers, strides } }: RecordContext,
): Pick<Dispatch, 'bindings'> & { file: string; params: Record<string, number> } => ({
  file: op.experts ? 'chosen/experts' : 'chosen/none',
  params: { used: usedOf(op), chosen_stride: op.experts ? strides[chosen] : 0 },
  bindings: op.experts ? { chosen: buffers[chosen] } : {},
});

export const operation: Operation<Neurons> = {
  name: 'neurons',
  vectors: ({ gated }) => (gated?.norm === undefined ? [] : [{ tensor: gated.norm, length: gated.cols }]),
  refusal(op) {
    if (rowsOf(op) % 4) return `The tensor ${op.down.tensor} has ${rowsOf(op)} rows; windrow needs a multiple of 4 there.`;
    return op.gated && op.gated.cols % 4 ? `The tensor ${op.gated.up.tensor} has ${op.gated.cols} columns; windrow needs a multiple of 4 there.` : undefined;
  },
  pool: (op) => ({
    items: countOf(op) * op.neurons, used: Math.ceil(usualShare * usedOf(op) * op.neurons), among: usedOf(op) * op.neurons,
    chosen: { buffer: anyRow, as: 'bits' },
    stacks: () => [],
    columns: {
      tensor: op.down.tensor, rows: rowsOf(op), cols: op.neurons, matrices: countOf(op),
      ...(op.gated && { up: { tensor: op.gated.up.tensor, cols: op.gated.cols } }),
    },
  }),
  buffers: (op) => ({
    [op.input]: usedOf(op) * pad32(op.neurons), [active]: usedOf(op) * wordsOf(op.neurons), [op.output]: pad32(rowsOf(op)),
    ...(op.gated && { [op.gated.input]: pad32(op.gated.cols), [normed]: pad32(op.gated.cols) }),
    ...(op.experts && { [chosen]: chosenWords(op.experts.used) }),
  }),
  scratch: (op, _config, { chunk }) => ({
    [anyRow]: 4 * countOf(op) * wordsOf(op.neurons),
    [sums]: 4 * rowsOf(op) * usedOf(op) * Math.max(splitsOf(op, 'decode'), chunk * splitsOf(op, 'prefill')),
  }),
  dispatches(op, context, place, mode, section) {
    const { gated } = op;
    const norm = gated?.norm === undefined ? [] : [
      rmsNorm(context, place, { label: `${section}.norm`, input: gated.input, output: normed, weight: gated.norm, cols: gated.cols }),
    ];
    const parts = place.pool!.flatMap((part) =>
      [...(gated ? [ups(op, gated, context, part, mode, section)] : []), sum(op, context, place, part, mode, section)]);
    return [...norm, mark(op, context, mode, section), ...parts, join(op, context, mode, section)];
  },
  costs: {
    'mark-neurons': ({ params = {} }, { rows }) => ({ bytes: rows * params.used * params.words * 132, flops: rows * params.used * params.words * 32 }),
    'neuron-ups'({ params = {} }, { rows }) {
      const used = usualShare * params.used * params.words * 32;
      return { bytes: used * params.up_words * 4, flops: 8 * rows * used * params.quads };
    },
    neurons({ params = {} }, { rows }) {
      const used = usualShare * params.used * params.words * 32;
      return { bytes: used * params.column_words * 4, flops: 2 * rows * used * params.rows };
    },
    'neurons-join': ({ params = {}, kernel }, { rows }) => ({ bytes: 16 * rows * params.quads * (params.used * kernel.consts!.Splits + 2), flops: 0 }),
  },
};

function mark(op: Neurons, context: RecordContext, mode: Mode, section: string): Dispatch {
  const { activations: { buffers, state } } = context;
  const words = wordsOf(op.neurons);
  const { file, params, bindings } = choicesOf(op, context);
  return {
    label: `${section}.active`,
    kernel: { kernel: 'mark-neurons', files: ['state', file], constants: { Gates: op.gated ? 1 : 0 } },
    params: { words, stride: strideOf(op, context), ...params, row_sums: (splitsOf(op, mode) * rowsOf(op)) / 4 },
    bindings: { state, input: buffers[op.input], any_row: buffers[anyRow], on_bits: buffers[active], sums: buffers[sums], ...bindings },
    chooses: true,
    grid: () => [words * countOf(op)],
  };
}

/** Floats to a choice of the input. */
const strideOf = (op: Neurons, { activations: { strides } }: RecordContext): number => strides[op.input] / usedOf(op);

const weightFilesOf = ({ name }: ColumnForm): string[] => ['prelude', 'words/of-four', `column/${name}`];
const constantsOf = ({ scaled }: ColumnForm, { choice }: RecordContext) => ({ ...weightConstants(choice), Scaled: scaled ? 1 : 0 });

/** Workgroups for all choices of a step, in y and z: of one row, of each expert, or of rows. */
const choicesGrid = (op: Neurons, context: RecordContext, mode: Mode, rows: number): [number, number] =>
  (op.experts && mode === 'decode' ? [op.experts.used, 1] : [countOf(op), Math.ceil(rows / togetherOf(mode, context))]);

function ups(op: Neurons, gated: NonNullable<Neurons['gated']>, context: RecordContext, part: PoolPart, mode: Mode, section: string): Dispatch {
  const { activations: { buffers } } = context;
  const { form, scales = 0 } = part.columns!.up!;
  const words = wordsOf(op.neurons);
  return {
    label: `${section}.ups`,
    kernel: {
      kernel: 'neuron-ups', files: [...filesOf(op, mode), ...weightFilesOf(form)], consts: { Tokens: togetherOf(mode, context) },
      constants: constantsOf(form, context),
    },
    params: {
      words, quads: gated.cols / 4, slot_words: part.slotBytes / 4, first_scale: scales / 4, stride: strideOf(op, context), used: usedOf(op),
      input_stride: pad32(gated.cols), up_words: (gated.cols * form.bits) / 32,
    },
    bindings: {
      weights: part.binding, table: part.table, input: buffers[gated.norm === undefined ? gated.input : normed], on_bits: buffers[active],
      hidden: buffers[op.input], ...bindingsOf(op, context, mode),
    },
    grid: ({ rows }) => [words, ...choicesGrid(op, context, mode, rows)],
  };
}

function sum(op: Neurons, context: RecordContext, { vectors }: Place, part: PoolPart, mode: Mode, section: string): Dispatch {
  const { activations: { buffers } } = context;
  const { form, first, scales = 0 } = part.columns!;
  const splits = splitsOf(op, mode);
  const rows = rowsOf(op);
  const parts = Math.ceil(rows / 256);
  return {
    label: `${section}.neurons`,
    kernel: {
      kernel: 'neurons', files: [...filesOf(op, mode), ...weightFilesOf(form)], consts: { Splits: splits, Tokens: togetherOf(mode, context) },
      constants: constantsOf(form, context),
    },
    params: {
      quads: rows / 4, parts, rows, words: wordsOf(op.neurons), slot_words: part.slotBytes / 4, first_word: first / 4, first_scale: scales / 4,
      stride: strideOf(op, context), used: usedOf(op), column_words: (rows * form.bits) / 32,
    },
    bindings: {
      weights: part.binding, vectors, table: part.table, input: buffers[op.input], on_bits: buffers[active], sums: buffers[sums],
      ...bindingsOf(op, context, mode),
    },
    grid: (step) => [parts * splits, ...choicesGrid(op, context, mode, step.rows)],
  };
}

function join(op: Neurons, context: RecordContext, mode: Mode, section: string): Dispatch {
  const { activations: { buffers, strides } } = context;
  const { file, params, bindings } = choicesOf(op, context);
  return {
    label: `${section}.${op.output}`,
    kernel: { kernel: 'neurons-join', files: [file], consts: { Splits: splitsOf(op, mode) } },
    params: { quads: rowsOf(op) / 4, ...params, output_stride: strides[op.output] },
    bindings: { sums: buffers[sums], output: buffers[op.output], ...bindings },
    grid: ({ rows }) => [Math.ceil(rowsOf(op) / 256), rows],
  };
}
