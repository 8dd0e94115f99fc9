// A state of a matrix per head, S (keys x values), which every token changes and asks, row after row (a recurrence of linear attention):
// `ssd`, of Mamba-2 (Dao and Gu, arXiv 2405.21060): S = exp(dt A) S + B (dt x)ᵀ, y = Cᵀ S + D x;
// `delta`, the gated delta net (Yang et al., arXiv 2412.06464): S = exp(g) S, S = S + k (beta (v - kᵀ S))ᵀ, y = qᵀ S, with q and k of length 1.
// The columns of S are independent. For few rows, a group of threads walks them with some columns in its registers, in one dispatch. More are
// taken by blocks in their matrix form (the chunkwise form of both papers; of the delta rule also Yang et al., arXiv 2406.06484).
import { type Dispatch } from '../../../gpu/program.ts';
import { type Mode } from '../../choices/kernel-choice.ts';
import { type Op } from '../../graph.ts';
import { type Operation, type Place, type RecordContext, type SequenceBuffers, pad32 } from '../../operation.ts';

export interface Scan extends Op {
  op: 'scan';
  kind: 'ssd' | 'delta';
  /** Of its state, unlike that of any other operation. */
  name: string;
  /** Buffer of queries (C), keys (B) and values (x), and the columns that they begin at. */
  input: string;
  columns: { query: number; key: number; value: number };
  /** Buffer of what each head has one number of, and the columns that they begin at: dt or g before their softplus, and beta before its sigmoid. */
  scalars: string;
  step: number;
  beta?: number;
  heads: number;
  /** Heads of queries and keys, a divisor of `heads`. */
  keyHeads: number;
  /** How heads share those of keys: runs of them (i / (heads / keyHeads)), or every so many (i mod keyHeads). */
  shared: 'runs' | 'turns';
  /** Numbers of a key and of a value. */
  keyDim: number;
  valueDim: number;
  /** Tensors of a number per head: the bias of dt, A, and D. `shape`: of the last two. */
  stepBias: string;
  decay: string;
  skip?: string;
  shape?: number[];
  output: string;
}

export const scan = (given: Omit<Scan, 'op'>): Scan => ({ op: 'scan', ...given });

/** Threads of a workgroup. */
const threads = 64;
/** vec4s of a key that one of them holds at most: a third of its registers, as each is there with what is read for it. */
const mostEach = ({ registers }: RecordContext['choice']): number => (registers === 64 ? 4 : 8);

/** Threads that share a column, and vec4s of it that each holds. */
export function splitOf(keyDim: number, choice: RecordContext['choice']): { splits: number; each: number } {
  const vec4s = keyDim / 4;
  let splits = 1;
  while (vec4s / splits > mostEach(choice) && splits < threads) splits *= 2;
  return { splits, each: Math.ceil(vec4s / splits) };
}

/** Rows of a block. Its products among rows cost as many operations as the state of a head of so many columns. */
const block = 32;
/** Rows of a step from which blocks are faster than walking (docs/decisions/recurrent-state.md). */
export const blockedRows = 24;
/** Numbers of a key that a workgroup's memory has room for, with the fewest columns that it takes. */
const mostKeys = 256;
/** Between the two kernels of a scan by blocks. */
const pairs = 'scan-pairs';

/** vec4s that a row has there for each head. */
const recordOf = (kind: Scan['kind']): number => 1 + ((kind === 'delta' ? 2 : 1) * block) / 4;

/** Blocks take values by four. */
const isWalked = ({ keyDim, valueDim, columns: { value } }: Scan, mode: Mode): boolean =>
  mode === 'decode' || keyDim > mostKeys || valueDim % 4 !== 0 || value % 4 !== 0;

export const operation: Operation<Scan> = {
  name: 'scan',
  vectors: ({ stepBias, decay, skip, heads, shape }) => [
    { tensor: stepBias, length: heads },
    ...[decay, skip].flatMap((tensor) => (tensor === undefined ? [] : [{ tensor, length: heads, shape }])),
  ],
  refusal({ name, keyDim, columns: { query, key } }) {
    const odd = [keyDim, query, key].some((each) => each % 4);
    return odd ? `The state ${name} has keys of ${keyDim} numbers from the columns ${query} and ${key}; windrow needs multiples of 4.` : undefined;
  },
  buffers: ({ input, columns: { query, key, value }, scalars, step, beta = 0, heads, keyHeads, keyDim, valueDim, output }) => ({
    [input]: pad32(Math.max(query + keyHeads * keyDim, key + keyHeads * keyDim, value + heads * valueDim)),
    [scalars]: pad32(Math.max(step, beta) + heads), [output]: pad32(heads * valueDim),
  }),
  scratch: (op, _config, { chunk }): Record<string, number> => (isWalked(op, 'prefill') ? {} : { [pairs]: 16 * chunk * op.heads * recordOf(op.kind) }),
  state: ({ name, heads, keyDim, valueDim }) => ({ kind: 'recurrent', name, bytes: 4 * heads * keyDim * valueDim }),
  dispatches(op, context, place, mode, section) {
    if (isWalked(op, mode)) return [walk(op, context, place, section)];
    const short = walk(op, context, place, section);
    return [{ ...short, grid: (step) => (step.rows < blockedRows ? short.grid(step) : [0]) }, ...inBlocks(op, context, place, section)];
  },
  costs: {
    scan({ params = {} }, { rows }) {
      const { heads, key_heads: keyHeads, key_vec4s: vec4s, value_dim: values } = params;
      const held = heads * 4 * vec4s * values;
      return { bytes: 8 * held + 4 * rows * (2 * heads * values + 8 * keyHeads * vec4s), flops: rows * 8 * held };
    },
    'scan-pairs'({ params = {}, kernel }, { rows }) {
      const { heads, key_heads: keyHeads, key_vec4s: vec4s } = params;
      const products = kernel.consts!.Delta ? 2 : 1;
      return {
        bytes: 4 * rows * (8 * keyHeads * vec4s + 4 * heads * kernel.consts!.Record),
        flops: rows * heads * block * (products * 4 * vec4s + (products - 1) * block / 3),
      };
    },
    'scan-blocks'({ params = {}, kernel }, { rows }) {
      const { heads, key_heads: keyHeads, key_vec4s: vec4s, value_dim: values } = params;
      const held = heads * 4 * vec4s * values;
      const products = kernel.consts!.Delta ? 2 : 1;
      return {
        bytes: 8 * held + 4 * rows * (2 * heads * values + 8 * keyHeads * vec4s + 4 * heads * kernel.consts!.Record),
        flops: rows * (2 * (products + 1) * held + products * block * heads * values),
      };
    },
  },
};

/** What both ways read. */
function shared(op: Scan, { activations: { buffers, strides }, graph: { config } }: RecordContext, { vectors, vectorOffset }: Place) {
  const { input, columns, scalars, heads, keyHeads, keyDim, valueDim, output } = op;
  const offset = (tensor?: string) => (tensor === undefined ? 0 : vectorOffset(tensor));
  return {
    constants: { InTurns: op.shared === 'turns' ? 1 : 0, HasSkip: op.skip === undefined ? 0 : 1 },
    params: {
      heads, key_heads: keyHeads, key_vec4s: keyDim / 4, value_dim: valueDim,
      stride: strides[input], scalar_stride: strides[scalars], output_stride: strides[output],
      query: columns.query / 4, key: columns.key / 4, value: columns.value, step: op.step, beta: op.beta ?? 0,
      step_bias: offset(op.stepBias), decay: offset(op.decay), skip: offset(op.skip),
      eps: config.eps, scale: 1 / Math.sqrt(keyDim),
    },
    bindings: { vectors, input: buffers[input], scalars: buffers[scalars], state: (of: SequenceBuffers) => of.state },
  };
}

/** The rows one after the other. */
function walk(op: Scan, context: RecordContext, place: Place, section: string): Dispatch {
  const { constants, params, bindings } = shared(op, context, place);
  const { splits, each } = splitOf(op.keyDim, context.choice);
  return {
    label: `${section}.scan`,
    kernel: { kernel: 'scan', files: ['state', 'scan/part', `scan/${op.kind}`], consts: { Splits: splits, Each: each }, constants },
    params,
    bindings: { ...bindings, output: context.activations.buffers[op.output], memory: (of: SequenceBuffers) => of.recurrent!(op.name) },
    grid: () => [Math.ceil((op.valueDim * splits) / threads), op.heads],
  };
}

/** The matrices between the rows of each block, and then block after block. */
function inBlocks(op: Scan, context: RecordContext, place: Place, section: string): Dispatch[] {
  const { constants, params, bindings } = shared(op, context, place);
  const { activations: { buffers }, choice } = context;
  const quads = op.keyDim > mostKeys / (choice.registers === 64 ? 4 : 2) ? 2 : 4; // a thread adds to as many fewer vec4s of a key
  const consts = { Block: block, Record: recordOf(op.kind), Delta: op.kind === 'delta' ? 1 : 0 };
  const files = ['state', 'scan/part'];
  return [
    {
      label: `${section}.scan-pairs`,
      kernel: { kernel: 'scan-pairs', files, consts, constants: { InTurns: constants.InTurns, ...(choice.registers === 64 && { Lean: 1 }) } },
      params,
      bindings: { ...bindings, pairs: buffers[pairs] },
      grid: ({ rows }) => (rows < blockedRows ? [0] : [Math.ceil(rows / block), op.heads]),
    },
    {
      label: `${section}.scan-blocks`,
      kernel: { kernel: 'scan-blocks', files, consts: { ...consts, Quads: quads, Keys: op.keyDim }, constants },
      params,
      bindings: { ...bindings, pairs: buffers[pairs], output: buffers[op.output], memory: (of: SequenceBuffers) => of.recurrent!(op.name) },
      grid: ({ rows }) => (rows < blockedRows ? [0] : [Math.ceil(op.valueDim / (4 * quads)), op.heads]),
    },
  ];
}
