// The time mixing of RWKV-7 (Peng et al., arXiv 2503.14456) behind its products. Of each head a state S (keys x values) that every token
// changes and asks; with decay = exp(-0.606531 sigmoid(decay)), rate = sigmoid(rate), k^ = key * keyScale of length 1, and
// k' = key (1 + (rate - 1) keyRate):  S = diag(decay) S - (k^ * rate) (k^T S) + k' v^T,  y = r^T S.
// output = (y with mean 0 and deviation 1 * weight + bias + v (r * k' * bonus summed)) * gate.
import { type Dispatch } from '../../../gpu/program.ts';
import { type Op } from '../../graph.ts';
import { type Operation, type Place, type RecordContext, type SequenceBuffers, pad32 } from '../../operation.ts';
import { splitOf } from './scan.ts';

export interface Wkv extends Op {
  op: 'wkv';
  /** Of its state, unlike that of any other operation. */
  name: string;
  /** Buffers of products, (heads x headDim) wide each: those of decay and rate before their sigmoids. */
  receptance: string;
  key: string;
  value: string;
  decay: string;
  rate: string;
  gate: string;
  heads: number;
  headDim: number;
  /** Tensors as wide. */
  keyScale: string;
  keyRate: string;
  bonus: string;
  weight: string;
  bias: string;
  output: string;
}

export const wkv = (given: Omit<Wkv, 'op'>): Wkv => ({ op: 'wkv', ...given });

/** What a head asks and adds, (k^, k^ rate, k', decay, r) each headDim long, head after head. */
const asked = 'wkv-asked';
const askedParts = 5;
/** What the state answers. */
const answered = 'wkv-answered';

/** The kernels' share of the vec4s of a key, as in a scan. */
const threads = 64;

export const operation: Operation<Wkv> = {
  name: 'wkv',
  vectors: ({ keyScale, keyRate, bonus, weight, bias, heads, headDim }) =>
    [keyScale, keyRate, bonus, weight, bias].map((tensor) => ({ tensor, length: heads * headDim })),
  refusal: ({ name, headDim }) => (headDim % 4 ? `The state ${name} has heads of ${headDim} numbers; windrow needs a multiple of 4.` : undefined),
  buffers({ receptance, key, value, decay, rate, gate, heads, headDim, output }) {
    const width = pad32(heads * headDim);
    const named = [receptance, key, value, decay, rate, gate, output, answered].map((name) => [name, width]);
    return { ...Object.fromEntries(named), [asked]: pad32(askedParts * heads * headDim) };
  },
  state: ({ name, heads, headDim }) => ({ kind: 'recurrent', name, bytes: 4 * heads * headDim * headDim }),
  dispatches: (op, context, place, _mode, section) => [ask(op, context, place, section), walk(op, context, section), join(op, context, place, section)],
  costs: {
    'wkv-ask': ({ params = {}, grid }, step) => numbers(9, 12, grid(step), params.head_dim),
    wkv({ params = {}, grid }, { rows, length }) {
      const [, heads = 1] = grid({ rows, length });
      const held = heads * params.head_dim ** 2;
      return { bytes: 8 * held + 4 * rows * heads * params.head_dim * (askedParts + 2), flops: rows * 10 * held };
    },
    'wkv-join': ({ params = {}, grid }, step) => numbers(6, 12, grid(step), params.head_dim),
  },
};

/** Of a kernel that reads and writes some numbers for each number of each head of each row. */
const numbers = (moved: number, flops: number, [heads = 1, rows = 1]: ReturnType<Dispatch['grid']>, headDim: number) =>
  ({ bytes: 4 * moved * heads * rows * headDim, flops: flops * heads * rows * headDim });

function ask({ receptance, key, decay, rate, heads, headDim, keyScale, keyRate }: Wkv, context: RecordContext, place: Place, section: string): Dispatch {
  const { activations: { buffers, strides } } = context;
  return {
    label: `${section}.wkv-ask`,
    kernel: { kernel: 'wkv-ask' },
    params: {
      head_dim: headDim, receptance_stride: strides[receptance], key_stride: strides[key], decay_stride: strides[decay], rate_stride: strides[rate],
      output_stride: strides[asked], key_scale: place.vectorOffset(keyScale), key_rate: place.vectorOffset(keyRate),
    },
    bindings: {
      vectors: place.vectors, receptance: buffers[receptance], key: buffers[key], decay: buffers[decay], rate: buffers[rate], output: buffers[asked],
    },
    grid: ({ rows }) => [heads, rows],
  };
}

function walk({ name, value, heads, headDim }: Wkv, { activations: { buffers, strides }, choice }: RecordContext, section: string): Dispatch {
  const { splits, each } = splitOf(headDim, choice);
  return {
    label: `${section}.wkv`,
    kernel: { kernel: 'wkv', files: ['state'], consts: { Splits: splits, Each: each } },
    params: { head_dim: headDim, asked_stride: strides[asked], value_stride: strides[value], output_stride: strides[answered] },
    bindings: {
      asked: buffers[asked], values: buffers[value], output: buffers[answered],
      state: (of: SequenceBuffers) => of.state, memory: (of: SequenceBuffers) => of.recurrent!(name),
    },
    grid: () => [Math.ceil((headDim * splits) / threads), heads],
  };
}

function join({ value, gate, heads, headDim, bonus, weight, bias, output }: Wkv, context: RecordContext, place: Place, section: string): Dispatch {
  const { activations: { buffers, strides } } = context;
  return {
    label: `${section}.wkv-join`,
    kernel: { kernel: 'wkv-join' },
    params: {
      head_dim: headDim, asked_stride: strides[asked], answered_stride: strides[answered], value_stride: strides[value], gate_stride: strides[gate],
      output_stride: strides[output], bonus: place.vectorOffset(bonus), weight: place.vectorOffset(weight), bias: place.vectorOffset(bias),
    },
    bindings: {
      vectors: place.vectors, asked: buffers[asked], answered: buffers[answered], values: buffers[value], gate: buffers[gate], output: buffers[output],
    },
    grid: ({ rows }) => [heads, rows],
  };
}
