// Normalises (optional) and rotates (optional) the queries and keys of `qkv`; queries go to `query`, keys and values to the fresh pages of a layer.
import { type Heads, type ModelConfig, type Op } from '../graph.ts';
import { type Operation, type Place, type RecordContext, type SequenceBuffers, pad32 } from '../operation.ts';
import { turnsQueries } from '../blocks/decode-attention.ts';
import { vectorFiles } from '../blocks/products.ts';

export interface Rope extends Op {
  op: 'rope';
  layer: number;
  /** Index into `Graph.ropes`; undefined for a layer without rotation (NoPE, arXiv 2305.19466). */
  rope?: number;
  /** Default: the model's. */
  shape?: Heads;
  /** There are queries alone: keys and values are those of an earlier layer. */
  queriesOnly?: boolean;
  /** Of a layer to come there are its queries alone, which are kept where the processor attends by them. */
  ahead?: boolean;
  /** Values are divided by the root of their mean square, head by head (Gemma 4). */
  valueNorm?: boolean;
  queryNorm?: string;
  keyNorm?: string;
  /** What a norm is of: each head for itself, or all heads of the queries, and of the keys. Default: each head. */
  normOf?: 'head' | 'all';
  /** Default: the norm comes first. */
  order?: 'norm-rotate' | 'rotate-norm';
  /** Queries are multiplied by 1 + scale * log(1 + floor(position / period)), as Llama 4 and Ministral 3 have it. */
  temperature?: { scale: number; period: number };
  /** In decode the attention behind it does the same by itself, where the choice of kernels has it so. */
  attended?: boolean;
}

export const rope = (given: Omit<Rope, 'op'>): Rope => ({ op: 'rope', ...given });

export const isRope = (op: Op): op is Rope => op.op === 'rope';

/** Floats per row of the queries, each head padded to whole vec4s. */
export const queryFloats = ({ heads, headDim }: Pick<ModelConfig, 'heads' | 'headDim'>): number => heads * Math.ceil(headDim / 4) * 4;

const flag = (value: unknown) => (value ? 1 : 0);
/** Threads of a workgroup: as many as a head has vec4s at least. */
const threadsFor = (vec4s: number) => Math.max(64, Math.ceil(vec4s / 64) * 64);

/** What turn.wgsl is told of an operation; `stride` is that of qkv. */
export function turnOf(op: Rope, { activations: { strides, firstAngles }, graph: { config, ropes } }: RecordContext, { vectorOffset }: Place) {
  const { heads, kvHeads, headDim } = op.shape ?? config;
  const spec = op.rope === undefined ? undefined : ropes[op.rope];
  return {
    constants: {
      Halves: flag(spec?.layout === 'halves'), HasNorm: flag(op.queryNorm), NormLast: flag(op.order === 'rotate-norm'), ValueNorm: flag(op.valueNorm),
      Tempered: flag(op.temperature),
    },
    params: {
      heads,
      kv_heads: op.queriesOnly || op.ahead ? 0 : kvHeads,
      head_dim: headDim,
      head_vec4s: Math.ceil(headDim / 4),
      rope_dims: spec?.dims ?? 0,
      first_angle: op.rope === undefined ? 0 : firstAngles[op.rope],
      stride: strides.qkv,
      eps: config.eps,
      query_norm: op.queryNorm ? vectorOffset(op.queryNorm) : 0,
      key_norm: op.keyNorm ? vectorOffset(op.keyNorm) : 0,
      temperature: op.temperature?.scale ?? 0,
      period: op.temperature?.period ?? 1,
    },
  };
}

export const operation: Operation<Rope> = {
  name: 'rope',
  vectors({ queryNorm, keyNorm, normOf, shape }, config) {
    const { heads, kvHeads, headDim } = shape ?? config;
    const all = normOf === 'all';
    const norms = [{ tensor: queryNorm, length: all ? heads * headDim : headDim }, { tensor: keyNorm, length: all ? kvHeads * headDim : headDim }];
    return norms.flatMap(({ tensor, length }) => (tensor === undefined ? [] : [{ tensor, length }]));
  },
  buffers({ shape, queriesOnly }, config) {
    const { heads, kvHeads, headDim } = shape ?? config;
    return { qkv: pad32((heads + (queriesOnly ? 0 : 2 * kvHeads)) * headDim), query: queryFloats({ heads, headDim }) };
  },
  state: ({ layer }) => ({ kind: 'keys-values', layer }),
  dispatches(op, context, place, mode, section) {
    const { activations: { buffers, angles }, graph: { config }, kv } = context;
    const { heads, headDim, ...of } = op.shape ?? config;
    if (mode === 'decode' && op.attended && turnsQueries(op, context)) return [];
    const kvHeads = op.queriesOnly || op.ahead ? 0 : of.kvHeads;
    const vec4s = Math.ceil(headDim / 4);
    const threads = threadsFor(vec4s);
    const headsPerWorkgroup = Math.floor(threads / vec4s);
    const shaped = (kv.sets?.(op.layer).length ?? 0) > 0;
    // Of layers that share a cache the one that writes keeps its queries: they are observed with its scale.
    const queries = shaped && !op.queriesOnly ? kv.queries ?? 0 : 0;
    const { params, constants } = turnOf(op, context, place);
    return [
      {
        label: `${section}.rope`,
        kernel: {
          kernel: 'rope',
          files: [
            ...kv.format.write, `kv/where/${shaped ? 'ring' : 'direct'}`, `kv/queries/${queries ? 'ring' : 'none'}`, `norm/${op.normOf ?? 'head'}`, 'state',
            ...vectorFiles(constants.HasNorm), 'turn',
          ],
          consts: { Threads: threads },
          constants,
        },
        params: { ...params, queries },
        bindings: {
          vectors: place.vectors,
          qkv: buffers.qkv,
          angles,
          query: buffers.query,
          state: (of: SequenceBuffers) => of.state,
          pages: (of: SequenceBuffers) => of.fresh(op.layer),
          ...(queries && { last_queries: (of: SequenceBuffers) => of.sets!(op.layer).queries! }),
        },
        grid: ({ rows }) => [Math.ceil((heads + 2 * kvHeads) / headsPerWorkgroup), rows],
      },
    ];
  },
  costs: {
    rope: ({ params = {} }, { rows }, { config: { heads, kvHeads, headDim }, kvPositionBytes }) => ({
      bytes: rows * ((2 * heads + 2 * kvHeads) * headDim * 4 + kvPositionBytes),
      flops: 3 * rows * (heads + kvHeads) * params.rope_dims,
    }),
  },
};
