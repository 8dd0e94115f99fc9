// GLM 4.5: dense layers first, then experts chosen by sigmoids with a bias, and one that all tokens have; biases and head norms, half of each
// head rotated. The last block predicts further tokens and is passed over. arXiv 2508.06471.
import { type Architecture, blocks, ends, optionalTensor, readConfig } from '../../architecture.ts';
import { back, gated, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { denseLayers, expertWidth, mixture, routingOf } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { withoutPrediction } from '../../blocks/prediction-blocks.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'glm4moe',
  harmless: [],
  graph(file) {
    const { config, passedOver } = withoutPrediction(file, readConfig(file, 'glm4moe'));
    const { heads, headDim, ffn } = config;
    const hidden = expertWidth(file);
    const shared = file.count('expert_shared_count', { least: 0, most: 64, fallback: 0 }) * hidden || undefined;
    const dense = denseLayers(file, config);
    const routing = routingOf(file);
    return {
      config, passedOver,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const norm = `${blk}.post_attention_norm.weight`;
        const normOf = (kind: string) => optionalTensor(file, `${blk}.attn_${kind}_norm.weight`);
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0, queryNorm: normOf('q'), keyNorm: normOf('k') }),
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
