// Ling 2: dense layers first, then experts chosen by sigmoids with a bias from the best groups, and one that all tokens have; queries, keys
// and values in one matrix, head norms, half of each head rotated. arXiv 2510.22115.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValuesInOne } from '../../blocks/branches.ts';
import { denseLayers, expertWidth, mixture, routingOf } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { withoutPrediction } from '../../blocks/prediction-blocks.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'bailingmoe2',
  harmless: [],
  graph(file) {
    const { config, passedOver } = withoutPrediction(file, readConfig(file, 'bailingmoe2'));
    const { heads, headDim, ffn } = config;
    const hidden = expertWidth(file);
    const each = file.count('expert_shared_feed_forward_length', { most: 1 << 20, fallback: hidden });
    const shared = file.count('expert_shared_count', { least: 0, most: 64, fallback: 0 }) * each || undefined;
    const dense = denseLayers(file, config);
    const routing = routingOf(file);
    return {
      config, passedOver,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValuesInOne(file, config, blk),
          rope({ layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ...(layer >= dense
            ? mixture(file, config, blk, { hidden, shared, ...routing })
            : [gated(file, config, blk, 'silu'), back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn)]),
        ];
      }),
    };
  },
};
