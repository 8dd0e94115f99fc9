// DeepSeek V2, V3 and their kin: attention to latents (MLA), a key and a value for all heads, in a cache of one head; queries of low rank; experts
// behind the first layers, one for all tokens. arXiv 2405.04434, 2412.19437.
import { InvalidFileError } from '../../../errors.ts';
import { type Architecture, type ModelFile, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated } from '../../blocks/branches.ts';
import { type ModelConfig, type Op } from '../../graph.ts';
import { denseLayers, expertWidth, mixture, scoresOf } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { project } from '../../ops/project.ts';
import { headProject } from '../../ops/rare/head-project.ts';
import { latent } from '../../ops/rare/latent.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'deepseek2',
  harmless: ['attention.key_length', 'attention.value_length', 'attention.head_count_kv'], // of the cache, which follow from the others
  graph(file) {
    const sizes = readSizes(file);
    const width = sizes.rotated + sizes.latent;
    const found = readConfig(file, 'deepseek2', { kvHeads: 1, headDim: width });
    const config = { ...found, caches: Array.from({ length: found.layers }, () => ({ kvHeads: 1, headDim: width })) };
    const hidden = expertWidth(file);
    const shared = file.count('expert_shared_count', { least: 0, most: 64, fallback: 0 }) * hidden || undefined;
    const dense = denseLayers(file, config);
    const routing = {
      scores: scoresOf(file, 'softmax'), normalise: file.flag('expert_weights_norm', false), scale: file.number('expert_weights_scale', 0) || 1,
    };
    const { spec, scale } = readScaling(file, config, sizes);
    return {
      config,
      ...ropesOf(spec),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          ...attention(file, config, blk, layer, sizes, scale),
          ...(layer >= dense
            ? mixture(file, config, blk, { hidden, shared, ...routing })
            : [gated(file, config, blk, 'silu'), back(file, config, `${blk}.ffn_down.weight`, 'hidden', config.ffn)]),
        ];
      }),
    };
  },
};

/** Numbers of a head's query and key that are rotated and that are not, of its value, of a latent, and of the latent of queries (0: none). */
interface Sizes {
  rotated: number;
  plain: number;
  value: number;
  latent: number;
  queryLatent: number;
}

function readSizes(file: ModelFile): Sizes {
  const count = (key: string, least = 1) => file.count(key, { least, most: 1 << 16, ...(least ? {} : { fallback: 0 }) });
  const rotated = count('rope.dimension_count');
  const key = count('attention.key_length_mla');
  if (key <= rotated) throw new InvalidFileError(`Keys have ${key} numbers, of which ${rotated} are rotated; some have to be left.`);
  return {
    rotated, plain: key - rotated, value: count('attention.value_length_mla'), latent: count('attention.kv_lora_rank'),
    queryLatent: count('attention.q_lora_rank', 0),
  };
}

/** With YaRN scores are scaled too, and cos and sin stay as they are, where the file says by how much: mscale_all_dim in DeepSeek's own code. */
function readScaling(file: ModelFile, config: ModelConfig, { rotated, plain }: Sizes) {
  const spec = readRope(file, config, 'pairs');
  const scale = 1 / Math.sqrt(rotated + plain);
  if (!spec.yarn) return { spec, scale };
  const multiplier = file.number('rope.scaling.yarn_log_multiplier', 0) * 10;
  const growth = 1 + 0.1 * (multiplier || 1) * Math.log(1 / spec.scale);
  return { spec: multiplier ? { ...spec, magnitude: 1 } : spec, scale: scale * growth ** 2 };
}

function attention(file: ModelFile, config: ModelConfig, blk: string, layer: number, sizes: Sizes, scale: number): Op[] {
  const { dim, heads } = config;
  const { rotated, plain, value, latent: latentDim, queryLatent } = sizes;
  const width = rotated + latentDim;
  const shape = { heads, kvHeads: 1, headDim: width };
  const norm = `${blk}.attn_norm.weight`;
  const { tensor } = file.matrix(`${blk}.attn_q${queryLatent ? '_b' : ''}.weight`, queryLatent || dim, heads * (plain + rotated));
  const partsOf = (first: number, rows: number) =>
    Array.from({ length: heads }, (_, head) => ({ tensor, firstRow: head * (plain + rotated) + first, rows }));
  const toQueries = { matrices: [...partsOf(0, plain), ...partsOf(plain, rotated)], output: 'query-parts' };
  return [
    ...(queryLatent
      ? [
        project({ input: 'x', norm, cols: dim, matrices: [file.matrix(`${blk}.attn_q_a.weight`, dim, queryLatent)], output: 'query-latent' }),
        project({ input: 'query-latent', norm: `${blk}.attn_q_a_norm.weight`, cols: queryLatent, ...toQueries }),
      ]
      : [project({ input: 'x', norm, cols: dim, ...toQueries })]),
    project({ input: 'x', norm, cols: dim, matrices: [file.matrix(`${blk}.attn_kv_a_mqa.weight`, dim, width)], output: 'latent' }),
    headProject({
      heads, matrix: file.matrices(`${blk}.attn_k_b.weight`, plain, latentDim, heads), cols: plain,
      input: 'query-parts', first: 0, step: plain, output: 'qkv', to: rotated, toStep: width,
    }),
    latent({
      input: 'latent', norm: `${blk}.attn_kv_a_norm.weight`, latentDim, rotatedDim: rotated, queries: 'query-parts', first: heads * plain, heads, output: 'qkv',
    }),
    rope({ layer, rope: 0, shape }),
    attend({ layer, scale, shape }),
    headProject({
      heads, matrix: file.matrices(`${blk}.attn_v_b.weight`, latentDim, value, heads), cols: latentDim,
      input: 'attended', first: rotated, step: width, output: 'attended-values', to: 0, toStep: value,
    }),
    back(file, config, `${blk}.attn_output.weight`, 'attended-values', heads * value),
  ];
}
