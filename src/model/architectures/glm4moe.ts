// GLM 4.5: dense layers first, then experts chosen by sigmoids with a bias, and one that all tokens have; biases and head norms, half of each
// head rotated. The last block predicts further tokens and is passed over. arXiv 2508.06471.
import { type Architecture, blocks, ends, readConfig } from '../architecture.ts';
import { back, gated, mixture, qkvBiases, queriesKeysValues, scoresOf } from '../branches.ts';
import { attend } from '../ops/attend.ts';
import { rope } from '../ops/rope.ts';
import { withoutPrediction } from '../prediction-blocks.ts';
import { readRope, ropesOf } from '../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'glm4moe',
  harmless: [],
  graph(file) {
    const { config, passedOver } = withoutPrediction(file, readConfig(file, 'glm4moe'));
    const { layers, heads, headDim, ffn } = config;
    const hidden = file.count('expert_feed_forward_length', { most: 1 << 20 });
    const shared = file.count('expert_shared_count', { least: 0, most: 64, fallback: 0 }) * hidden || undefined;
    const dense = file.count('leading_dense_block_count', { least: 0, most: layers, fallback: 0 });
    const scale = file.number('expert_weights_scale', 0) || 1; // 0 means none
    const routing = { scores: scoresOf(file, 'sigmoid'), normalise: file.flag('expert_weights_norm', false), scale };
    return {
      config, passedOver,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const norm = `${blk}.post_attention_norm.weight`;
        const named = (kind: string) => (file.hasTensor(`${blk}.attn_${kind}_norm.weight`) ? `${blk}.attn_${kind}_norm.weight` : undefined);
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0, queryNorm: named('q'), keyNorm: named('k') }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ...(layer >= dense
            ? mixture(file, config, blk, { hidden, shared, norm, ...routing })
            : [{ ...gated(file, config, blk, 'silu'), norm }, back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn)]),
        ];
      }),
    };
  },
};
