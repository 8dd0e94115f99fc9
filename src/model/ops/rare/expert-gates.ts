// output = gate_e · norm(input) of every expert e that a row chose: what tells which of its neurons are on, where those are read one by one. The gates
// of all experts are one matrix, which stays or is streamed as other matrices are; those of the chosen ones are read.
import { panelRows } from '../../../formats/panel.ts';
import { type Dispatch } from '../../../gpu/program.ts';
import { type Op, type RowRange } from '../../graph.ts';
import { type Operation, type Place, type RecordContext, pad32 } from '../../operation.ts';
import { type MatrixPart, leanConstants, matrixBindings, weightConstants, weightFiles } from '../../blocks/products.ts';
import { rmsNorm } from '../../blocks/rms-norm.ts';
import { type Mode } from '../../choices/kernel-choice.ts';
import { assignFiles, groupExperts, order, splitsOf, starts, tokensOf } from './experts.ts';
import { chosen, chosenWords } from './route.ts';

export interface ExpertGates extends Op {
  op: 'expert-gates';
  input: string;
  /** RMS norm weights applied to the input. */
  norm: string;
  experts: number;
  /** Experts of a row. */
  used: number;
  /** Rows of every expert, one expert after the other. */
  gate: RowRange;
  cols: number;
  /** Width of an expert, a multiple of 32. */
  hidden: number;
  /** Buffer of the input after its norm, which the rest of the mixture reads too. */
  normed: string;
  /** Of each row the gates of its experts, in the order of choice. */
  output: string;
}

export const expertGates = (given: Omit<ExpertGates, 'op'>): ExpertGates => ({ op: 'expert-gates', ...given });

export const operation: Operation<ExpertGates> = {
  name: 'expert-gates',
  vectors: ({ norm, cols }) => [{ tensor: norm, length: cols }],
  stacks: ({ cols, gate }) => [{ cols, ranges: [gate], aligned: false }],
  buffers: ({ input, normed, output, used, cols, hidden }) => ({
    [input]: pad32(cols), [normed]: pad32(cols), [chosen]: chosenWords(used), [output]: used * pad32(hidden),
  }),
  scratch: ({ experts, used }, _config, { chunk }) => ({ [order]: 4 * chunk * used, [starts]: 4 * (experts + 1) }),
  dispatches(op, context, place, mode, section) {
    const norm = rmsNorm(context, place, { label: `${section}.norm`, input: op.input, output: op.normed, weight: op.norm, cols: op.cols });
    const grouped = mode === 'prefill' ? [groupExperts(op, context, section)] : [];
    return [norm, ...grouped, ...place.stacks[0].map((part) => product(op, context, place, part, mode, section))];
  },
  costs: {}, // its kernels are those of `experts`
};

function product(
  op: ExpertGates, { activations: { buffers }, choice }: RecordContext, { vectors }: Place, part: MatrixPart, mode: Mode, section: string,
): Dispatch {
  const { matrix: { format, panels: { panelBytes, blocks } }, firstRow, panels } = part;
  const each = op.hidden / panelRows;
  const splits = splitsOf(choice, mode);
  const first = firstRow / panelRows;
  return {
    label: `${section}.${op.output}`,
    kernel: {
      kernel: 'experts',
      files: [...weightFiles(format, false), splits === 1 ? 'reduce/one' : 'reduce/splits', 'activate', 'item/rows', ...assignFiles(mode)],
      consts: { Splits: splits, Tokens: tokensOf(mode) },
      constants: { ...weightConstants(choice), ...leanConstants(choice), Gate: 0, Before: 0, HasBias: 0 },
    },
    params: {
      panel_words: panelBytes / 4, blocks, groups: Math.ceil(op.cols / 32), rows: op.hidden, slot_words: 0, first_word: 0,
      panels_each: each, first_panel: first, end_panel: first + panels, up_panels: 0,
      sharing: op.used, stride: pad32(op.cols), output_stride: pad32(op.hidden), bias: 0, up_bias: 0,
      experts: op.experts, used: op.used, panels: panels / op.experts, // of an expert on average: for what it costs
    },
    bindings: {
      ...matrixBindings(part), vectors, input: buffers[op.normed], output: buffers[op.output],
      ...(mode === 'decode' ? { chosen: buffers[chosen] } : { order: buffers[order], starts: buffers[starts] }),
    },
    grid: (step) => (mode === 'decode' ? [each, op.used] : [each, op.experts, Math.ceil(step.rows / tokensOf(mode))]),
  };
}
