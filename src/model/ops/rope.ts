// Normalises (optional) and rotates (optional) the queries and keys of `qkv`; queries go to `query`, keys and values to the fresh pages of a layer.
import { type ModelConfig, type Op } from '../graph.ts';
import { type Operation, type SequenceBuffers, pad32 } from '../operation.ts';

export interface Rope extends Op {
  op: 'rope';
  layer: number;
  /** Index into `Graph.ropes`; undefined for a layer without rotation (NoPE, arXiv 2305.19466). */
  rope?: number;
  queryNorm?: string;
  keyNorm?: string;
  /** What a norm is of: each head for itself, or all heads of the queries, and of the keys. Default: each head. */
  normOf?: 'head' | 'all';
  /** Default: the norm comes first. */
  order?: 'norm-rotate' | 'rotate-norm';
  /** Queries are multiplied by 1 + scale * log(1 + floor(position / period)), as Llama 4 and Ministral 3 have it. */
  temperature?: { scale: number; period: number };
}

export const rope = (given: Omit<Rope, 'op'>): Rope => ({ op: 'rope', ...given });

/** Floats per row of the queries, each head padded to whole vec4s. */
export const queryFloats = ({ heads, headDim }: Pick<ModelConfig, 'heads' | 'headDim'>): number => heads * Math.ceil(headDim / 4) * 4;

const flag = (value: unknown) => (value ? 1 : 0);

export const operation: Operation<Rope> = {
  name: 'rope',
  vectors({ queryNorm, keyNorm, normOf }, { heads, kvHeads, headDim }) {
    const all = normOf === 'all';
    const norms = [{ tensor: queryNorm, length: all ? heads * headDim : headDim }, { tensor: keyNorm, length: all ? kvHeads * headDim : headDim }];
    return norms.flatMap(({ tensor, length }) => (tensor === undefined ? [] : [{ tensor, length }]));
  },
  buffers: (_, config) => ({ qkv: pad32((config.heads + 2 * config.kvHeads) * config.headDim), query: queryFloats(config) }),
  state: ({ layer }) => ({ kind: 'keys-values', layer }),
  dispatches(op, context, { vectors, vectorOffset }, _mode, section) {
    const {
      activations: { buffers, strides, angles, firstAngles },
      graph: { config, ropes },
      kv,
    } = context;
    const { heads, kvHeads, headDim, eps } = config;
    const spec = op.rope === undefined ? undefined : ropes[op.rope];
    const vec4s = Math.ceil(headDim / 4);
    const headsPerWorkgroup = Math.floor(64 / vec4s);
    return [
      {
        label: `${section}.rope`,
        kernel: {
          kernel: 'rope',
          files: [...kv.format.write, 'kv/where/direct', `norm/${op.normOf ?? 'head'}`, 'state'],
          constants: {
            Halves: flag(spec?.layout === 'halves'), HasNorm: flag(op.queryNorm), NormLast: flag(op.order === 'rotate-norm'), Tempered: flag(op.temperature),
          },
        },
        params: {
          heads,
          kv_heads: kvHeads,
          head_dim: headDim,
          head_vec4s: vec4s,
          rope_dims: spec?.dims ?? 0,
          first_angle: op.rope === undefined ? 0 : firstAngles[op.rope],
          stride: strides.qkv,
          eps,
          query_norm: op.queryNorm ? vectorOffset(op.queryNorm) : 0,
          key_norm: op.keyNorm ? vectorOffset(op.keyNorm) : 0,
          temperature: op.temperature?.scale ?? 0,
          period: op.temperature?.period ?? 1,
        },
        bindings: {
          vectors,
          qkv: buffers.qkv,
          angles,
          query: buffers.query,
          state: (of: SequenceBuffers) => of.state,
          pages: (of: SequenceBuffers) => of.fresh(op.layer),
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
