// output = matrix · norm(input) + bias, the matrices stacked by rows; with `gate`, the first half of the rows goes through
// the activation and multiplies the second; with `activation`, the result goes through it; with `add`, it is added to output. Matrices
// may have additions of low rank, two small products each, before gate and activation.
import { type Dispatch, type Step } from '../../gpu/program.ts';
import { choiceOf, matrixKind, withinGrid } from '../choices/choice-of-matrix.ts';
import { type Op, type RowRange } from '../graph.ts';
import { type Cost, type Operation, type Place, type RecordContext, pad32 } from '../operation.ts';
import { joinedConsts, joinedIn, joinedParams, splitsOf } from '../blocks/decode-attention.ts';
import {
  type MatrixPart, decodeKernel, decodeWorkgroups, fewKernel, fewRows, matrixBindings, matrixParams, prefillKernel, weightConstants,
} from '../blocks/products.ts';
import { rmsNorm } from '../blocks/rms-norm.ts';
import { type Shares, sharedBy } from '../blocks/shared-bindings.ts';
import { type Attend } from './attend.ts';

/** Squared ReLU (So et al., arXiv 2109.08668). */
export interface SquaredRelu {
  kind: 'relu2';
}

/** xIELU (Huang and Schlag, arXiv 2411.13010): positive x² + beta x above 0, negative (exp(min(x, most)) - 1 - x) + beta x below. */
export interface Xielu {
  kind: 'xielu';
  negative: number;
  positive: number;
  beta: number;
  most: number;
}

export type Activation = SquaredRelu | Xielu;

/** What an adapter adds to one of the matrices: scale * up · (down · input) (LoRA: Hu et al., arXiv 2106.09685). */
export interface LowRank {
  /** Of which of the matrices. */
  matrix: number;
  /** (rank, cols) */
  down: RowRange;
  /** (rows of the matrix, rank) */
  up: RowRange;
  scale: number;
  /** Index of the adapter, whose matrices are stored apart from the model's. */
  adapter: number;
}

export interface Project extends Op {
  op: 'project';
  input: string;
  /** RMS norm weights applied to the input. */
  norm?: string;
  /** The norm subtracts the mean first: a LayerNorm (Ba et al., arXiv 1607.06450), maybe with a bias. It is a dispatch of its own. */
  center?: boolean;
  normBias?: string;
  matrices: RowRange[];
  cols: number;
  /** One per matrix, or none. */
  bias?: (string | undefined)[];
  gate?: 'silu' | 'gelu' | 'relu';
  /** In place of a gate. */
  activation?: Activation;
  /** Multiplies the result, before it is added or capped. */
  scale?: number;
  add?: boolean;
  /** cap * tanh(value / cap) */
  softcap?: number;
  adapted?: LowRank[];
  /** The operation right before it that leaves its input, whose splits it may join in decode. */
  joins?: Attend;
  /** In decode it may share a bind group with those beside it. */
  shares?: Shares;
  output: string;
}

export const project = (given: Omit<Project, 'op'>): Project => ({ op: 'project', ...given });

export const isProject = (op: Op): op is Project => op.op === 'project';

/** The input after its norm, where a kernel of its own writes it: before many rows. */
const normed = 'normed';
/** Both halves of a gated product, where the kernel that makes them does not join them; or a product before its activation. */
const halves = 'gated';

const gates = { silu: 1, gelu: 2, relu: 3 };
const activations = { relu2: 1, xielu: 2 };
const noXielu = { negative: 0, positive: 0, beta: 0, most: 0 };
/** As the kernels take an activation. */
const activationParams = (activation?: Activation) => {
  const { negative, positive, beta, most } = activation?.kind === 'xielu' ? activation : noXielu;
  return { negative, positive, beta, most };
};
const flag = (value: unknown) => (value ? 1 : 0);

/** The products that an addition is made of: down into a buffer between, and from there up, added to the output. */
export function productsOfLowRank({ input, norm, center, normBias, cols, scale: whole = 1, joins, output }: Project, { down, up, scale }: LowRank) {
  const between = betweenOf(down);
  return {
    down: project({ input, norm, center, normBias, cols, matrices: [down], joins, output: between }),
    up: project({ input: between, cols: down.rows, matrices: [up], scale: scale * whole, add: true, output }),
  };
}

/** One for each rank, so that what lies behind its numbers stays zero. */
const betweenOf = ({ rows }: RowRange): string => `adapted.${rows}`;
const rowsIn = (matrices: RowRange[]) => matrices.reduce((sum, { rows }) => sum + rows, 0);

/** Whether a dispatch of decode joins splits of attention; the same product on a row of its own is the next dispatch. */
export const joinsSplits = ({ kernel: { files } }: Pick<Dispatch, 'kernel'>): boolean => files?.includes('from/splits') ?? false;

/** A matrix is read once, whatever the rows of activations; splits that these are joined from too. */
function productCost({ params, kernel: { consts = {} } }: Dispatch, { rows, length }: Step): Cost {
  const { panels, panel_words: panelWords, groups, rows: results, up_panels: up } = params!;
  const matrices = up ? 2 : 1; // gate and up
  const cols = groups * 32;
  const { MostSplits, Heads, HeadVec4s } = consts;
  const inputs = MostSplits ? splitsOf(length, params!.window, params!.span) * Heads * (HeadVec4s + 1) * 4 : cols;
  return { bytes: matrices * panels * panelWords * 4 + rows * (inputs + results) * 4, flops: matrices * 2 * rows * results * cols };
}

const products = ['matvec', 'matvec-shared', 'matvec-few', 'matvec-rows', 'matvec-broadcast', 'matvec-wide', 'matmul', 'matmul-codes', 'matmul-matrix'];

export const operation: Operation<Project> = {
  name: 'project',
  vectors: ({ norm, normBias, bias, matrices, cols }) => [
    ...[norm, normBias].flatMap((tensor) => (tensor ? [{ tensor, length: cols }] : [])),
    ...(bias ?? []).flatMap((tensor, i) => (tensor === undefined ? [] : [{ tensor, length: matrices[i].rows }])),
  ],
  refusal({ bias, matrices }) {
    // Vectors are stored in steps of 4, and kernels read the biases of a stack as one run.
    const odd = bias ? matrices.slice(0, -1).find(({ rows }) => rows % 4) : undefined;
    return odd && `The tensor ${odd.tensor} has ${odd.rows} rows and a bias; windrow needs a multiple of 4 there.`;
  },
  stacks: ({ cols, matrices, gate, adapted = [] }) => [
    { cols, ranges: matrices, aligned: gate !== undefined },
    ...adapted.flatMap(({ down, up, adapter }) => [
      { cols, ranges: [down], aligned: false, adapter }, { cols: down.rows, ranges: [up], aligned: false, adapter },
    ]),
  ],
  buffers({ input, norm, output, cols, matrices, gate, activation, adapted = [] }) {
    const rows = gate ? matrices[0].rows : rowsIn(matrices);
    return {
      [input]: pad32(cols), ...(norm ? { [normed]: pad32(cols) } : {}),
      ...(gate || activation ? { [halves]: (gate ? 2 : 1) * pad32(rows) } : {}),
      ...Object.fromEntries(adapted.map(({ down }) => [betweenOf(down), pad32(down.rows)])),
      [output]: output === 'logits' ? rows : pad32(rows),
    };
  },
  dispatches: (op, context, place, mode, section) => (mode === 'decode' ? decode(op, context, place, section) : prefill(op, context, place, section)),
  costs: {
    ...Object.fromEntries(products.map((kernel) => [kernel, productCost])),
    gate: ({ params = {} }, { rows }) => ({ bytes: 3 * rows * params.cols * 16, flops: 8 * rows * params.cols * 4 }),
  },
};

/** How a product is part of another one: nothing is measured of it, its kernels are the model's. */
interface PartOf {
  /** Where its first row goes in a row of the output. */
  first: number;
  /** Whether its one row is the last of the step, as that of the logits is. */
  lastRow: boolean;
}

/** What the dispatches of a product have in common, part by part. */
function partsOf(
  op: Project,
  { activations: { buffers, strides, state }, choice, graph }: RecordContext,
  { vectors, vectorOffset, stacks: [parts] }: Place,
  section: string,
  { input, target, partOf }: { input: string; target: string; partOf?: PartOf },
) {
  const firstOutput = firstOutputs(op, parts, partOf?.first);
  return parts.map((part, i) => {
    const kind = partOf ? undefined : matrixKind(op, part.matrix);
    return {
      part,
      kind,
      choice: kind === undefined ? withinGrid(choice, part.matrix.rows) : choiceOf(choice, kind),
      label: `${section}.${op.output}`,
      bindings: { ...matrixBindings(part), vectors, state, input: buffers[input], output: buffers[target] },
      params: {
        ...matrixParams(part),
        rows: part.rows,
        first_output: firstOutput[i],
        stride: strides[input],
        output_stride: strides[target],
        norm: op.norm ? vectorOffset(op.norm) / 4 : 0,
        bias: op.bias ? vectorOffset(op.bias[0]!) + firstOutput[i] : 0,
        inverse_cols: 1 / op.cols,
        eps: graph.config.eps,
        softcap: op.softcap ?? 0,
        scale: op.scale ?? 1,
        ...activationParams(op.activation),
        up_panels: 0,
        first: 0,
      },
      constants: { ...weightConstants(choice), HasBias: flag(op.bias), Scaled: flag(op.scale !== undefined), Add: flag(op.add), Softcap: flag(op.softcap) },
    };
  });
}

/** The norm of the input by a dispatch of its own. */
const normOf = (op: Project, context: RecordContext, place: Place, section: string): Dispatch =>
  rmsNorm(context, place, {
    label: `${section}.norm`, input: op.input, output: normed, weight: op.norm!, cols: op.cols, center: op.center, bias: op.normBias,
  });

/** One row: the norm is made by each workgroup, if it needs no mean, and the gate joins its halves where they lie in one binding. */
function decode(op: Project, context: RecordContext, place: Place, section: string, partOf?: PartOf): Dispatch[] {
  const fused = op.gate !== undefined && place.stacks[0].length === 1 && !op.adapted;
  const joined = op.adapted ? op.gate !== undefined || op.activation !== undefined : op.gate !== undefined && !fused;
  const alone = op.activation && !joined ? activations[op.activation.kind] : 0;
  const target = joined ? halves : op.output;
  const input = op.center ? normed : op.input;
  const own = op.center ? [normOf(op, context, place, section)] : [];
  const parts = partsOf(op, context, place, section, { input, target, partOf });
  const products = parts.flatMap(({ part, kind, choice, label, bindings, params, constants }): Dispatch[] => {
    if (fused) {
      params.rows = part.matrix.parts[0].rows;
      params.up_panels = part.matrix.parts[1].targetRow / 32;
      params.panels = params.up_panels;
    }
    const last = partOf ? partOf.lastRow : op.output === 'logits';
    const fusions = { HasNorm: flag(op.norm && !op.center), Gate: fused ? gates[op.gate!] : 0, Alone: alone };
    const all = { ...constants, ...fusions };
    const [workgroups, joinedWorkgroups] = [false, true].map((isJoining) => decodeWorkgroups(choice, params.panels, { gated: fused, joined: isJoining }));
    const shared = op.gate && !fused ? undefined : sharedBy(op.shares, part, context);
    const among = shared && { params: { ...params, first: shared.first }, bindings: { ...bindings, ...shared.bindings } };
    const stored = (how: Partial<Dispatch> | undefined, files?: readonly string[]): Dispatch =>
      ({ label, kind, params, bindings, ...how, kernel: decodeKernel(choice, part, all, { last, shared: files }), grid: () => [workgroups] });
    const isJoined = op.joins && joinedIn(op.joins, context);
    if (!isJoined) return [stored(among, shared?.files)];
    // The same where the input is joined here, which is not what is measured of the kind.
    const joining: Dispatch = {
      label: `${label}.joined`,
      bindings: { ...bindings, input: context.activations.buffers.partials, ...among?.bindings },
      params: { ...params, ...among?.params, ...joinedParams(op.joins!, context) },
      kernel: decodeKernel(choice, part, all, { joined: joinedConsts(op.joins!, context), shared: shared?.files }),
      grid: (step) => [isJoined(step) ? joinedWorkgroups : 0],
    };
    return [joining, { ...stored(undefined), grid: (step) => [isJoined(step) ? 0 : workgroups] }];
  });
  const added = additions(op.center ? afterNorm(op) : op, target, place, (...one) => decode(one[0], context, one[1], section, one[2]));
  return [...own, ...products, ...added, ...(joined ? [join(op, context, section)] : [])];
}

/** Many rows; a few of them by a kernel of its own, if one is chosen: each step runs one of the two. */
function prefill(op: Project, context: RecordContext, place: Place, section: string, partOf?: PartOf): Dispatch[] {
  const input = op.norm ? normed : op.input;
  const norms = op.norm ? [normOf(op, context, place, section)] : [];
  const joined = op.gate !== undefined || op.activation !== undefined;
  const target = joined ? halves : op.output;
  const products = partsOf(op, context, place, section, { input, target, partOf }).flatMap(
    ({ part, choice, constants, label, kind, params, bindings }): Dispatch[] => {
      const dispatch = { label, kind, params, bindings };
      const many = { ...dispatch, ...prefillKernel(choice, part, constants) };
      if (!choice.few) return [many];
      return [
        { ...dispatch, ...fewKernel(choice.few, part, constants) },
        { ...many, grid: (step) => (step.rows <= fewRows ? [0] : many.grid(step)) },
      ];
    },
  );
  const added = additions(op.norm ? afterNorm(op) : op, target, place, (...one) => prefill(one[0], context, one[1], section, one[2]));
  return [...norms, ...products, ...added, ...(joined ? [join(op, context, section)] : [])];
}

/** A product whose input was normed before. */
const afterNorm = (op: Project): Project => ({ ...op, input: normed, norm: undefined, center: undefined, normBias: undefined });

/** What adapters add to a product in `target`, where it is before gate and activation. */
function additions(
  op: Project, target: string, place: Place, recorded: (op: Project, place: Place, partOf: PartOf) => Dispatch[],
): Dispatch[] {
  return (op.adapted ?? []).flatMap((each, i) => {
    const { down, up } = productsOfLowRank({ ...op, output: target }, each);
    const at = (stack: number): Place => ({ ...place, stacks: [place.stacks[stack]] });
    const before = op.matrices.slice(0, each.matrix).reduce((sum, { rows }) => sum + (op.gate ? pad32(rows) : rows), 0);
    return [
      ...recorded(down, at(1 + 2 * i), { first: 0, lastRow: op.output === 'logits' }),
      ...recorded(up, at(2 + 2 * i), { first: before, lastRow: false }),
    ];
  });
}

/** output = activation(first half) * second half, or of a product without a gate the activation */
function join({ gate, activation, output, matrices }: Project, { activations: { buffers, strides, state } }: RecordContext, section: string): Dispatch {
  const cols = Math.ceil(matrices[0].rows / 4);
  return {
    label: `${section}.gate`,
    kernel: { kernel: 'gate', files: ['activate', 'state'], constants: activation ? { Alone: activations[activation.kind] } : { Gate: gates[gate!] } },
    params: {
      cols, up: pad32(matrices[0].rows) / 4, input_stride: strides[halves], output_stride: strides[output], ...activationParams(activation),
    },
    bindings: { state, input: buffers[halves], output: buffers[output] },
    grid: ({ rows }) => [Math.ceil(cols / 64), rows],
  };
}

/** Where each part's first row goes in a row of the output: stacked rows follow each other, gated halves begin at a panel. */
function firstOutputs(op: Project, parts: MatrixPart[], first = 0): number[] {
  let start = first;
  let previous = parts[0].matrix;
  return parts.map((part) => {
    if (part.matrix !== previous) {
      start += op.gate ? pad32(previous.rows) : previous.rows;
      previous = part.matrix;
    }
    return start + part.firstRow;
  });
}
