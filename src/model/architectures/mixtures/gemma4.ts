// Gemma 4 (text): as Gemma 3, with heads of two sizes, values that are normalised, scores that are not scaled; the last layers attend to keys
// and values of earlier ones. Small models (E2B, E4B) add an embedding of the token to each layer; others have experts beside feed-forward.
// https://ai.google.dev/gemma/docs/core
import { InvalidFileError } from '../../../errors.ts';
import { type Architecture, type ModelFile, ends, optionalTensor, readConfig } from '../../architecture.ts';
import { back, gated } from '../../blocks/branches.ts';
import { type ModelConfig, type Op, type RopeSpec } from '../../graph.ts';
import { gemma4Experts, gemma4Router } from '../../blocks/gemma4-experts.ts';
import { type Layer, readLayers } from '../../blocks/layer-heads.ts';
import { attend } from '../../ops/attend.ts';
import { type Embed, embed } from '../../ops/embed.ts';
import { gatedNorm } from '../../ops/rare/gated-norm.ts';
import { normAdd } from '../../ops/norm-add.ts';
import { project } from '../../ops/project.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'gemma4',
  harmless: [],
  graph(file) {
    const widths = file.counts('feed_forward_length', 1 << 20);
    const kvHeads = file.counts('attention.head_count_kv', 4096);
    const found = readConfig(file, 'gemma4', { kvHeads: Math.max(...kvHeads), ffn: Math.max(...widths) });
    const { layers, caches } = readLayers(file, found, kvHeads);
    const config = { ...found, caches };
    const global = readRopeWithFactors(file, config, 'halves');
    const dims = localDims(file, layers.find(({ window }) => window)?.shape.headDim ?? config.headDim, global.dims);
    const local: RopeSpec = { dims, layout: 'halves', base: file.number('rope.freq_base_swa', 10000), scale: 1, magnitude: 1 };
    const own = file.count('embedding_length_per_layer_input', { least: 0, most: 1 << 16, fallback: 0 });
    // Files of before the shared layers were known to need none have keys and values there too.
    const unread = layers.filter(({ writes }) => !writes).flatMap(({ blk }) => ['k', 'v', 'k_norm'].map((kind) => `${blk}.attn_${kind}.weight`));
    return {
      config,
      passedOver: unread.filter((tensor) => file.hasTensor(tensor)),
      ...ropesOf(global, local),
      ...(own ? { ownEmbed: ownTable(file, config, own), carried: ['own'] } : {}),
      ...ends(file, config, { embeddingScale: Math.sqrt(config.dim), softcap: file.number('final_logit_softcapping', 0) || undefined }),
      layers: layers.map((each, layer) => [
        ...(own && layer === 0 ? ownEmbeddings(file, config, own) : []),
        ...attention(file, config, each),
        ...feedForward(file, { ...config, ffn: widths[layer] }, each.blk, own > 0),
        ...(own ? ownEmbedding(file, config, each.blk, layer, own) : []),
      ]),
    };
  },
};

/** How many dimensions of a head are rotated where layers have a window, whose heads may be smaller. */
function localDims(file: ModelFile, headDim: number, global: number): number {
  const key = 'rope.dimension_count_swa';
  const dims = file.count(key, { least: 2, most: headDim, fallback: Math.min(global, headDim) });
  if (dims % 2) throw new InvalidFileError(`gemma4.${key} is ${dims}; it has to be an even number.`);
  return dims;
}

function attention(file: ModelFile, config: ModelConfig, { blk, cache, writes, window, shape }: Layer): Op[] {
  const { dim } = config;
  const { heads, kvHeads, headDim } = shape;
  const keys = () => file.matrix(`${blk}.attn_k.weight`, dim, kvHeads * headDim);
  const values = () => (file.hasTensor(`${blk}.attn_v.weight`) ? file.matrix(`${blk}.attn_v.weight`, dim, kvHeads * headDim) : keys());
  return [
    project({
      input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, output: 'qkv',
      matrices: [file.matrix(`${blk}.attn_q.weight`, dim, heads * headDim), ...(writes ? [keys(), values()] : [])],
    }),
    rope({
      layer: cache, rope: window ? 1 : 0, shape, queriesOnly: !writes, valueNorm: writes,
      queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: writes ? `${blk}.attn_k_norm.weight` : undefined,
    }),
    attend({ layer: cache, scale: 1, window, shape }),
    back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim, 'branch'),
    normAdd({ input: 'branch', weight: `${blk}.post_attention_norm.weight`, output: 'x' }),
  ];
}

/** `more`: another branch comes before the layer's end. */
function feedForward(file: ModelFile, config: ModelConfig, blk: string, more: boolean): Op[] {
  const scale = more ? undefined : optionalTensor(file, `${blk}.layer_output_scale.weight`);
  const experts = file.number('expert_count', 0) > 0;
  return [
    ...(experts ? gemma4Router(file, config, blk) : []),
    gated(file, config, blk, 'gelu'),
    back(file, config, `${blk}.ffn_down.weight`, 'hidden', config.ffn, 'branch'),
    ...(experts ? gemma4Experts(file, config, blk) : []),
    normAdd({ input: experts ? 'sum' : 'branch', weight: `${blk}.post_ffw_norm.weight`, output: 'x', scale }),
  ];
}

/** own = the embeddings of the token for all layers. */
const ownTable = (file: ModelFile, { layers, vocab }: ModelConfig, own: number): Embed =>
  embed({ table: file.matrix('per_layer_token_embd.weight', layers * own, vocab).tensor, cols: layers * own, scale: Math.sqrt(own), output: 'own' });

/** own = own, and a projection of the token's embedding with a norm per layer. */
const ownEmbeddings = (file: ModelFile, { dim, layers }: ModelConfig, own: number): Op[] => [
  project({
    input: 'x', cols: dim, matrices: [file.matrix('per_layer_model_proj.weight', dim, layers * own)], scale: 1 / Math.sqrt(dim), output: 'own-projected',
  }),
  normAdd({ input: 'own-projected', weight: 'per_layer_proj_norm.weight', groups: { count: layers, width: own }, output: 'own', factor: Math.SQRT1_2 }),
];

/** x = (x + norm(proj · (gelu(inp_gate · x) * the layer's own embedding))) * the layer's scale */
const ownEmbedding = (file: ModelFile, config: ModelConfig, blk: string, layer: number, own: number): Op[] => [
  project({ input: 'x', cols: config.dim, matrices: [file.matrix(`${blk}.inp_gate.weight`, config.dim, own)], output: 'own-gate' }),
  gatedNorm({ input: 'own', first: layer * own, gate: 'own-gate', column: 0, activation: 'gelu', groups: 1, width: own, output: 'own-gated' }),
  back(file, config, `${blk}.proj.weight`, 'own-gated', own, 'branch'),
  normAdd({ input: 'branch', weight: `${blk}.post_norm.weight`, output: 'x', scale: optionalTensor(file, `${blk}.layer_output_scale.weight`) }),
];
