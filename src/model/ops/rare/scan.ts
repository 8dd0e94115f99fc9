// A state of a matrix per head, S (keys x values), which every token changes and asks, row after row (a recurrence of linear attention):
// `ssd`, of Mamba-2 (Dao and Gu, arXiv 2405.21060): S = exp(dt A) S + B (dt x)ᵀ, y = Cᵀ S + D x;
// `delta`, the gated delta net (Yang et al., arXiv 2412.06464): S = exp(g) S, S = S + k (beta (v - kᵀ S))ᵀ, y = qᵀ S, with q and k of length 1.
// The columns of S are independent: a group of threads walks the rows of a step with some of them in its registers, in one dispatch.
import { type Op } from '../../graph.ts';
import { type Operation, type SequenceBuffers, pad32 } from '../../operation.ts';

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

/** Threads of a workgroup, and vec4s of a key that one of them holds at most. */
const threads = 64;
const mostEach = 8;

/** Threads that share a column, and vec4s of it that each holds. */
export function splitOf(keyDim: number): { splits: number; each: number } {
  const vec4s = keyDim / 4;
  let splits = 1;
  while (vec4s / splits > mostEach && splits < threads) splits *= 2;
  return { splits, each: Math.ceil(vec4s / splits) };
}

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
  state: ({ name, heads, keyDim, valueDim }) => ({ kind: 'recurrent', name, bytes: 4 * heads * keyDim * valueDim }),
  dispatches(op, { activations: { buffers, strides }, graph: { config } }, { vectors, vectorOffset }, _mode, section) {
    const { kind, name, input, columns, scalars, heads, keyHeads, shared, keyDim, valueDim, output } = op;
    const { splits, each } = splitOf(keyDim);
    const offset = (tensor?: string) => (tensor === undefined ? 0 : vectorOffset(tensor));
    return [
      {
        label: `${section}.scan`,
        kernel: {
          kernel: 'scan', files: ['state', 'scan/part', `scan/${kind}`], consts: { Splits: splits, Each: each },
          constants: { InTurns: shared === 'turns' ? 1 : 0, HasSkip: op.skip === undefined ? 0 : 1 },
        },
        params: {
          heads, key_heads: keyHeads, key_vec4s: keyDim / 4, value_dim: valueDim,
          stride: strides[input], scalar_stride: strides[scalars], output_stride: strides[output],
          query: columns.query / 4, key: columns.key / 4, value: columns.value, step: op.step, beta: op.beta ?? 0,
          step_bias: offset(op.stepBias), decay: offset(op.decay), skip: offset(op.skip),
          eps: config.eps, scale: 1 / Math.sqrt(keyDim),
        },
        bindings: {
          vectors, input: buffers[input], scalars: buffers[scalars], output: buffers[output],
          state: (of: SequenceBuffers) => of.state, memory: (of: SequenceBuffers) => of.recurrent!(name),
        },
        grid: () => [Math.ceil((valueDim * splits) / threads), heads],
      },
    ];
  },
  costs: {
    scan({ params = {} }, { rows }) {
      const { heads, key_heads: keyHeads, key_vec4s: vec4s, value_dim: values } = params;
      const held = heads * 4 * vec4s * values;
      return { bytes: 8 * held + 4 * rows * (2 * heads * values + 8 * keyHeads * vec4s), flops: rows * 8 * held };
    },
  },
};
