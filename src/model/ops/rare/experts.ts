// output += sum over a row's chosen experts of weight * down_e · (gate(gate_e · norm(input)) * (up_e · norm(input))): the
// mixture of a layer, whose experts are the items of a pool. Each is read for the rows that chose it alone.
import { panelRows } from '../../../formats/panel.ts';
import { type Dispatch } from '../../../gpu/program.ts';
import { type Op, type RowRange } from '../../graph.ts';
import { type Operation, type Place, type PoolPart, type RecordContext, pad32 } from '../../operation.ts';
import { leanConstants, matrixBindings, weightConstants, weightFiles } from '../../blocks/products.ts';
import { rmsNorm } from '../../blocks/rms-norm.ts';
import { type Mode, rowsEach } from '../../choices/kernel-choice.ts';
import { chosen, chosenWords } from './route.ts';

export interface Experts extends Op {
  op: 'experts';
  input: string;
  /** RMS norm weights applied to the input. */
  norm: string;
  experts: number;
  /** Experts of a row. */
  used: number;
  /** Rows of every expert of these tensors, one expert after the other. */
  gate: RowRange;
  /** `fused`: of the same tensor, which has each expert's rows of the gate and then those of up. */
  up: RowRange;
  fused?: boolean;
  down: RowRange;
  /** `clamped`: min(gate, 7) * sigmoid(1.702 * the same) * (clamp(up, -7, 7) + 1), as gpt-oss has it (OpenAI, arXiv 2508.10925). */
  activation: 'silu' | 'gelu' | 'relu' | 'clamped';
  /** Tensors of the biases of all experts, one expert after the other. */
  biases?: { gate: string; up: string; down: string };
  /** Width of the input. */
  cols: number;
  /** Hidden width of an expert. */
  hidden: number;
  output: string;
  /** To what is there. Default: true. */
  add?: boolean;
}

export const experts = (given: Omit<Experts, 'op'>): Experts => ({ op: 'experts', ...given });

const normed = 'normed';
/** Of each choice of a row. */
const hiddens = 'expert-hidden';
const outputs = 'expert-output';
/** The choices of a step ordered by expert, and where each expert's begin. */
export const order = 'expert-order';
export const starts = 'expert-starts';

const gates = { silu: 1, gelu: 2, relu: 3, clamped: 4 };
/** Choices of one expert, or rows, that a workgroup takes: Tokens of what is behind assign/. */
export const tokensOf = (mode: Mode): number => (mode === 'decode' ? 1 : 8);

const ofItem = ({ tensor, firstRow }: RowRange, rows: number, item: number, step = rows): RowRange => ({ tensor, firstRow: firstRow + item * step, rows });

/** Which choices of experts a workgroup takes. */
export const assignFiles = (mode: Mode): string[] => ['assign/assigned', mode === 'decode' ? 'assign/one' : 'assign/grouped'];

export const operation: Operation<Experts> = {
  name: 'experts',
  vectors({ norm, cols, hidden, biases, experts: count }) {
    const of = (tensor: string, rows: number) => ({ tensor, length: rows * count, shape: [rows, count] });
    return [{ tensor: norm, length: cols }, ...(biases ? [of(biases.gate, hidden), of(biases.up, hidden), of(biases.down, cols)] : [])];
  },
  pool: ({ experts: items, used, gate, up, fused, down, cols, hidden }) => ({
    items, used, chosen: { buffer: chosen, as: 'ids' },
    stacks: (item) => [
      { cols, ranges: [gate, up].map((range) => ofItem(range, hidden, item, fused ? 2 * hidden : hidden)), aligned: true },
      { cols: hidden, ranges: [ofItem(down, cols, item)], aligned: false },
    ],
  }),
  buffers: ({ input, output, used, cols, hidden }) => ({
    [input]: pad32(cols), [normed]: pad32(cols), [chosen]: chosenWords(used),
    [hiddens]: used * pad32(hidden), [outputs]: used * pad32(cols), [output]: pad32(cols),
  }),
  scratch: ({ experts: items, used }, _config, { chunk }) => ({ [order]: 4 * chunk * used, [starts]: 4 * (items + 1) }),
  dispatches(op, context, place, mode, section) {
    const norm = rmsNorm(context, place, { label: `${section}.norm`, input: op.input, output: normed, weight: op.norm, cols: op.cols });
    const grouped = mode === 'prefill' ? [groupExperts(op, context, section)] : [];
    // Part by part, as a part that is streamed is then needed once.
    const gate = gates[op.activation];
    const up = { input: normed, output: hiddens, sharing: op.used, rows: op.hidden };
    const down = { input: hiddens, output: outputs, sharing: 1, rows: op.cols };
    const products = (place.pool ?? []).flatMap((part) => {
      const [first, second] = part.stacks[0].flatMap((matrix) => (isApart(context.choice, mode, matrix) ? halvesOf(matrix) : matrix));
      return [
        product(op, context, place, part, mode, section, { ...up, matrix: first, gate: second ? 0 : gate, bias: op.biases?.gate }),
        // gate and up of two types, or apart
        ...(second ? [product(op, context, place, part, mode, section, { ...up, matrix: second, before: gate, bias: op.biases?.up })] : []),
        product(op, context, place, part, mode, section, { ...down, matrix: part.stacks[1][0], bias: op.biases?.down }),
      ];
    });
    return [norm, ...grouped, ...products, join(op, context, section)];
  },
  costs: {
    'group-experts': ({ params = {} }, { rows }) => ({ bytes: 12 * rows * params.used, flops: 2 * rows * params.used * params.experts }),
    experts({ kernel, params = {} }, { rows }) {
      const { panels, panel_words: words, groups, experts: items, used } = params;
      const matrices = kernel.constants?.Gate ? 2 : 1;
      const read = Math.min(items, rows * used);
      return { bytes: read * matrices * panels * words * 4, flops: rows * used * matrices * 2 * panels * panelRows * groups * 32 };
    },
    'experts-join': ({ params = {} }, { rows }) => ({ bytes: rows * (params.used + 2) * params.groups * 16, flops: rows * params.used * params.groups * 8 }),
  },
};

/** Orders the choices of many rows by expert. */
export function groupExperts(
  { experts: items, used }: Pick<Experts, 'experts' | 'used'>, { activations }: Pick<RecordContext, 'activations'>, section: string,
): Dispatch {
  const { buffers, strides, state } = activations;
  return {
    label: `${section}.group`,
    kernel: { kernel: 'group-experts', files: ['most-experts', 'state'] },
    params: { experts: items, used, chosen_stride: strides[chosen] },
    bindings: { state, chosen: buffers[chosen], order: buffers[order], starts: buffers[starts] },
    grid: () => [1],
  };
}

/**
 * Threads that share a matrix row. A workgroup takes a whole panel: where the choice is of a part of one with more threads to a row, it has as
 * many threads as that, which is what the device was asked for.
 */
export const splitsOf = ({ splits, panels, few }: RecordContext['choice'], mode: Mode): number =>
  Math.max(1, mode === 'decode' ? (splits * rowsEach({ panels })) / panelRows : few);

/**
 * Whether each half of a gated matrix has a dispatch of its own: with both a thread of many rows needs 120 registers, with one 60. Of one row so of
 * the type whose codes are read in branches, during which the other half's numbers wait.
 */
const isApart = ({ registers = 0 }: RecordContext['choice'], mode: Mode, { format, parts }: Product['matrix']): boolean =>
  parts.length > 1 && registers > 0 && (mode === 'prefill' || (registers === 64 && format.name === 'TQ1_0'));

const halvesOf = (matrix: Product['matrix']): Product['matrix'][] =>
  matrix.parts.map(({ targetRow }) => ({ ...matrix, offset: matrix.offset + (targetRow / panelRows) * matrix.panels.panelBytes }));

interface Product {
  matrix: PoolPart['stacks'][0][0];
  input: string;
  output: string;
  /** Choices to a row of the input. */
  sharing: number;
  /** Results of a choice. */
  rows: number;
  /** Joins both halves of the matrix; or what is in the output with the results. */
  gate?: number;
  before?: number;
  /** Of the matrix, or of its first half. */
  bias?: string;
}

/** One product of every chosen expert of a part. */
function product(
  op: Experts, { activations: { buffers }, choice }: RecordContext, { vectors, vectorOffset }: Place, part: PoolPart, mode: Mode, section: string,
  { matrix, input, output, sharing, rows, gate = 0, before = 0, bias }: Product,
): Dispatch {
  const panels = Math.ceil(rows / panelRows);
  const splits = splitsOf(choice, mode);
  return {
    label: `${section}.${output}`,
    kernel: {
      kernel: 'experts',
      files: [
        ...weightFiles(matrix.format, false), splits === 1 ? 'reduce/one' : 'reduce/splits', 'activate',
        'item/slots', ...assignFiles(mode),
      ],
      consts: { Splits: splits, Tokens: tokensOf(mode) },
      constants: { ...weightConstants(choice), ...leanConstants(choice), Gate: gate, Before: before, HasBias: bias === undefined ? 0 : 1 },
    },
    params: {
      panels, rows, sharing,
      panel_words: matrix.panels.panelBytes / 4,
      blocks: matrix.panels.blocks,
      groups: Math.ceil(matrix.cols / 32),
      slot_words: part.slotBytes / 4,
      first_word: matrix.offset / 4,
      panels_each: 0, first_panel: 0, end_panel: 0,
      up_panels: gate ? matrix.parts[1].targetRow / panelRows : 0,
      stride: pad32(matrix.cols),
      output_stride: pad32(rows),
      bias: bias === undefined ? 0 : vectorOffset(bias),
      up_bias: bias === undefined ? 0 : vectorOffset(op.biases!.up),
      experts: op.experts,
      used: op.used,
    },
    bindings: {
      ...matrixBindings({ ...part, ...matrix }), vectors, table: part.table,
      input: buffers[input], output: buffers[output],
      ...(mode === 'decode' ? { chosen: buffers[chosen] } : { order: buffers[order], starts: buffers[starts] }),
    },
    grid: (step) => (mode === 'decode' ? [panels, op.used] : [panels, op.experts, Math.ceil(step.rows / tokensOf(mode))]),
  };
}

function join({ used, cols, output, add = true }: Experts, { activations: { buffers, strides } }: RecordContext, section: string): Dispatch {
  const groups = Math.ceil(cols / 4);
  return {
    label: `${section}.experts`,
    kernel: { kernel: 'experts-join', constants: { Add: add ? 1 : 0 } },
    params: { groups, used, chosen_stride: strides[chosen], input_stride: pad32(cols), output_stride: strides[output] },
    bindings: { input: buffers[outputs], chosen: buffers[chosen], output: buffers[output] },
    grid: ({ rows }) => [Math.ceil(groups / 64), rows],
  };
}
