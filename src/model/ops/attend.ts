// attended = softmax(query · keys * scale) · values; causal, of the last `window` positions if given. Decode splits the
// positions among workgroups (FlashDecoding, 2023) and joins their partial sums; prefill keeps a head's sums in registers.
import { type Dispatch } from '../../gpu/program.ts';
import { type ModelConfig, type Op } from '../graph.ts';
import { type AttentionChoice, attentions } from '../kernel-choice.ts';
import { type Operation, type RecordContext, type SequenceBuffers, pad32 } from '../operation.ts';
import { lanesOf } from '../products.ts';
import { queryFloats } from './rope.ts';

export interface Attend extends Op {
  op: 'attend';
  layer: number;
  scale: number;
  window?: number;
}

export const attend = (given: Omit<Attend, 'op'>): Attend => ({ op: 'attend', ...given });

export const isAttend = (op: Op): op is Attend => op.op === 'attend';

type Heads = Pick<ModelConfig, 'heads' | 'kvHeads'>;

/** Workgroup memory that every device has. */
const workgroupBytes = 16384;
/** Most heads of a group that share a workgroup there: their sums are in registers. */
const mostHeads = 8;

export const operation: Operation<Attend> = {
  name: 'attend',
  buffers: (_, config) => ({ query: queryFloats(config), attended: pad32(config.heads * config.headDim) }),
  scratch: (_, config, positions) => ({ partials: partialsBytes(config, positions) }),
  dispatches: (op, context, _place, mode, section) => (mode === 'decode' ? attendOne(context, section, op) : [attendMany(context, section, op)]),
  costs: {
    attention({ params = {} }, { rows, length }, { config: { heads, headDim }, kvPositionBytes }) {
      const seen = params.window ? Math.min(length, params.window) : length;
      let positions = 0;
      for (let position = length - rows; position < length; position++) positions += Math.min(position + 1, params.window || Infinity);
      return { bytes: 2 * rows * heads * headDim * 4 + Math.min(length, seen + rows) * kvPositionBytes, flops: 4 * heads * headDim * positions };
    },
    'attention-decode'({ kernel, params = {} }, { length }, { config: { heads, headDim }, kvPositionBytes }) {
      const seen = params.window ? Math.min(length, params.window) : length;
      const partials = splitsOf(length, params.window, kernel.consts!.Span) * splitBytes({ heads, headDim });
      return { bytes: heads * headDim * 4 + seen * kvPositionBytes + partials, flops: 4 * heads * headDim * seen };
    },
    'attention-reduce'({ kernel, params = {} }, { length }, { config: { heads, headDim } }) {
      const splits = splitsOf(length, params.window, kernel.consts!.Span);
      return { bytes: splits * splitBytes({ heads, headDim }) + heads * headDim * 4, flops: 2 * splits * heads * headDim };
    },
  },
};

const cachedIn = (layer: number) => ({
  state: (of: SequenceBuffers) => of.state, keys: (of: SequenceBuffers) => of.keys(layer), values: (of: SequenceBuffers) => of.values(layer),
});

function attendMany(context: RecordContext, section: string, op: Attend): Dispatch {
  const { activations: { buffers, strides }, graph: { config }, choice } = context;
  const groupSize = config.heads / config.kvHeads;
  const lanes = lanesOf(choice.prefill);
  return {
    label: `${section}.attend`,
    // What is faster for products, reading for oneself or together, is so for keys and values.
    kernel: {
      kernel: 'attention', files: [`kv/${choice.cache}`, lanes ? 'eight/broadcast' : 'eight/direct', 'state'],
      consts: { HeadVec4s: Math.ceil(config.headDim / 4), ...(lanes ? { Lanes: lanes } : {}) },
    },
    params: { heads: config.heads, kv_heads: config.kvHeads, head_dim: config.headDim, stride: strides.attended, window: op.window ?? 0, scale: op.scale },
    bindings: { ...cachedIn(op.layer), query: buffers.query, attended: buffers.attended },
    grid: ({ rows }) => [Math.ceil((rows * groupSize) / 64), config.kvHeads],
  };
}

function attendOne(context: RecordContext, section: string, op: Attend): Dispatch[] {
  const { activations: { buffers }, graph: { config }, choice } = context;
  const vec4s = Math.ceil(config.headDim / 4);
  const { workgroups, headsEach } = sharing(config);
  const { span, threads } = attentionOf(config, choice);
  const consts = { HeadVec4s: vec4s, Threads: threads, Span: span };
  const window = op.window ?? 0;
  const sizes = { heads: config.heads, kv_heads: config.kvHeads, head_dim: config.headDim, head_vec4s: vec4s };
  return [
    {
      label: `${section}.attend`,
      kernel: { kernel: 'attention-decode', files: [`kv/${choice.cache}`, 'state'], consts: { ...consts, Heads: headsEach } },
      params: { ...sizes, window, scale: op.scale },
      bindings: { ...cachedIn(op.layer), query: buffers.query, partials: buffers.partials },
      grid: ({ length }) => [splitsOf(length, window, span), config.kvHeads, workgroups],
    },
    {
      label: `${section}.attend.reduce`,
      kernel: { kernel: 'attention-reduce', files: ['state'], consts },
      params: { ...sizes, window },
      bindings: { state: (of: SequenceBuffers) => of.state, partials: buffers.partials, attended: buffers.attended },
      grid: () => [config.heads],
    },
  ];
}

/** How the heads of a group share workgroups in decode: workgroups of a key/value head, and heads of each. */
function sharing({ heads, kvHeads }: Heads): { workgroups: number; headsEach: number } {
  const groupSize = heads / kvHeads;
  const workgroups = Math.ceil(groupSize / mostHeads);
  return { workgroups, headsEach: Math.ceil(groupSize / workgroups) };
}

/** How many spans the positions lie in that the last of `length` sees, all without a window. */
export const splitsOf = (length: number, window: number, span: number): number =>
  Math.ceil(length / span) - Math.floor((window ? length - Math.min(window, length) : 0) / span);

/** The attention of a model: as chosen, or with the largest span that its heads leave workgroup memory for. */
export function attentionOf(config: Heads, { span, threads }: AttentionChoice): AttentionChoice {
  const { headsEach } = sharing(config);
  // The arrays of attention-decode.wgsl.
  const bytes = (positions: number) => 4 * headsEach * (positions + threads + 2) + 16 * threads * Math.min(headsEach, 256 / threads);
  const fitting = attentions.filter((each) => each.threads === threads && each.span <= span && bytes(each.span) <= workgroupBytes);
  return { span: Math.max(...fitting.map((each) => each.span)), threads };
}

/** Bytes of the partial results of one split: a head's sums, and its maximum and total. */
const splitBytes = ({ heads, headDim }: Pick<ModelConfig, 'heads' | 'headDim'>): number => heads * (Math.ceil(headDim / 4) + 1) * 16;

/** Bytes of the partial results for up to `positions`, whatever is chosen. */
export const partialsBytes = (config: ModelConfig, positions: number): number => Math.ceil(positions / Math.min(...attentions.map(({ span }) => span))) * splitBytes(config);
