// What mixes tokens in place of attention, as architectures share it: a short convolution, Mamba-2, a gated delta net. Each ends in a buffer
// that is as wide as its last matrix takes. `blk` is the prefix `blk.N`, which names the states too.
import { InvalidFileError } from '../../errors.ts';
import { type ModelFile, optionalTensor } from '../architecture.ts';
import { back, queriesKeysValues } from './branches.ts';
import { type ModelConfig, type Op } from '../graph.ts';
import { attend } from '../ops/attend.ts';
import { convolve } from '../ops/rare/convolve.ts';
import { gatedNorm } from '../ops/rare/gated-norm.ts';
import { type Project, project } from '../ops/project.ts';
import { rope } from '../ops/rope.ts';
import { scan } from '../ops/rare/scan.ts';

/** A mixer: what it computes of x, and its last matrix, which adds to x. */
export interface Mixer {
  ops: Op[];
  back: Project;
}

/** x += out_proj · (c * conv(b * x')), where [b; c; x'] = in_proj · norm(x): LFM2 (arXiv 2511.23404). */
export function shortConvolution(file: ModelFile, config: ModelConfig, blk: string): Mixer {
  const { dim } = config;
  const width = file.count('shortconv.l_cache', { least: 2, most: 64 });
  return {
    ops: [
      project({
        input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, matrices: [file.matrix(`${blk}.shortconv.in_proj.weight`, dim, 3 * dim)], output: 'mixer',
      }),
      convolve({
        name: `${blk}.shortconv`, input: 'mixer', first: 2 * dim, gates: { before: 0, after: dim }, channels: dim, width,
        weight: `${blk}.shortconv.conv.weight`, silu: false, output: 'convolved',
      }),
    ],
    back: back(file, config, `${blk}.shortconv.out_proj.weight`, 'convolved', dim),
  };
}

/** Sizes of a state-space mixer, or of a delta net in the same keys. */
export interface Sizes {
  /** Inputs that the convolution sees. */
  width: number;
  /** Numbers of all values. */
  inner: number;
  /** Numbers of a key. */
  state: number;
  heads: number;
  /** Heads of keys and queries. */
  groups: number;
}

export function readSizes(file: ModelFile): Sizes {
  const count = (key: string, most: number, least = 1) => file.count(`ssm.${key}`, { least, most });
  const heads = count('time_step_rank', 1 << 14);
  const sizes = {
    width: count('conv_kernel', 64, 2), inner: count('inner_size', 1 << 20), state: count('state_size', 256), heads, groups: count('group_count', heads),
  };
  if (sizes.inner % heads || heads % sizes.groups || sizes.inner % sizes.groups)
    throw new InvalidFileError(`${sizes.inner} numbers in ${heads} heads of ${sizes.groups} groups; each has to divide the one before evenly.`);
  return sizes;
}

/** Mamba-2 (arXiv 2405.21060). */
export function mamba2(file: ModelFile, config: ModelConfig, blk: string, { width, inner, state, heads, groups }: Sizes, residual?: number): Mixer {
  const { dim } = config;
  const keys = groups * state;
  const channels = inner + 2 * keys;
  const norm = optionalTensor(file, `${blk}.ssm_norm.weight`);
  return {
    ops: [
      // the gate, values, keys and queries, a step for each head
      project({
        input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, output: 'mixer',
        matrices: [file.matrix(`${blk}.ssm_in.weight`, dim, inner + channels + heads)],
      }),
      convolve({
        name: `${blk}.ssm_conv1d`, input: 'mixer', first: inner, channels, width, weight: `${blk}.ssm_conv1d.weight`, bias: `${blk}.ssm_conv1d.bias`,
        silu: true, output: 'convolved',
      }),
      scan({
        kind: 'ssd', name: `${blk}.ssm`, input: 'convolved', columns: { value: 0, key: inner, query: inner + keys }, scalars: 'mixer', step: inner + channels,
        heads, keyHeads: groups, shared: 'runs', keyDim: state, valueDim: inner / heads,
        stepBias: `${blk}.ssm_dt.bias`, decay: `${blk}.ssm_a`, skip: `${blk}.ssm_d`, shape: [1, heads], output: 'scanned',
      }),
      gatedNorm({
        input: 'scanned', gate: 'mixer', column: 0, activation: 'silu', groups, width: inner / groups,
        norm: norm === undefined ? undefined : { weight: norm, each: 'own', last: true }, output: 'mixed',
      }),
    ],
    back: { ...back(file, config, `${blk}.ssm_out.weight`, 'mixed', inner), scale: residual },
  };
}

/** The gated delta net (arXiv 2412.06464) of Qwen 3.5, or of Qwen 3 Next, where heads share keys in runs and one matrix has beta and g. */
export function deltaNet(file: ModelFile, config: ModelConfig, blk: string, { width, inner, state, heads, groups }: Sizes, shared: 'runs' | 'turns'): Mixer {
  const { dim } = config;
  const keys = groups * state;
  const channels = 2 * keys + inner;
  const one = `${blk}.ssm_ba.weight`;
  const each = heads / groups;
  const scalars = shared === 'runs'
    ? [0, each].flatMap((start) => {
      const { tensor } = file.matrix(one, dim, 2 * heads);
      return Array.from({ length: groups }, (_, group) => ({ tensor, firstRow: 2 * each * group + start, rows: each }));
    })
    : ['beta', 'alpha'].map((kind) => file.matrix(`${blk}.ssm_${kind}.weight`, dim, heads));
  return {
    ops: [
      project({
        input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, output: 'mixer',
        matrices: [file.matrix(`${blk}.attn_qkv.weight`, dim, channels), file.matrix(`${blk}.attn_gate.weight`, dim, inner), ...scalars],
      }),
      convolve({
        name: `${blk}.ssm_conv1d`, input: 'mixer', first: 0, channels, width, weight: `${blk}.ssm_conv1d.weight`, silu: true, output: 'convolved',
      }),
      scan({
        kind: 'delta', name: `${blk}.ssm`, input: 'convolved', columns: { query: 0, key: keys, value: 2 * keys },
        scalars: 'mixer', beta: channels + inner, step: channels + inner + heads,
        heads, keyHeads: groups, shared, keyDim: state, valueDim: inner / heads,
        stepBias: `${blk}.ssm_dt.bias`, decay: `${blk}.ssm_a`, output: 'scanned',
      }),
      gatedNorm({
        input: 'scanned', gate: 'mixer', column: channels, activation: 'silu', groups: heads, width: inner / heads,
        norm: { weight: `${blk}.ssm_norm.weight`, each: 'same', last: false }, output: 'mixed',
      }),
    ],
    back: back(file, config, `${blk}.ssm_out.weight`, 'mixed', inner),
  };
}

/** All that a mixer does. */
export const mixed = ({ ops, back: last }: Mixer): Op[] => [...ops, last];

/** Attention with norms of queries and keys per head, as hybrids have it in some layers. */
export function headNormedAttention(file: ModelFile, config: ModelConfig, blk: string, layer: number): Op[] {
  const { heads, headDim } = config;
  return [
    queriesKeysValues(file, config, blk),
    rope({ layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` }),
    attend({ layer, scale: 1 / Math.sqrt(headDim) }),
    back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
  ];
}
