// Granite 3 (mixtures): as the dense ones, with experts in every layer and, in some, one that all tokens have. arXiv 2405.04324.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { expertWidth, mixture } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'granitemoe',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'granitemoe', { expertsOnly: true });
    const { heads, headDim, ffn } = config;
    const scaleOf = (key: string) => file.number(key, 0) || 1; // 0 means none
    const residual = scaleOf('residual_scale');
    const hidden = expertWidth(file, ffn || undefined);
    const shared = file.number('expert_shared_feed_forward_length', 0) || undefined;
    return {
      config,
      ...ropesOf(readRopeWithFactors(file, config, 'pairs')),
      ...ends(file, config, { embeddingScale: scaleOf('embedding_scale'), logitScale: 1 / scaleOf('logit_scale') }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: file.number('attention.scale', 0) || 1 / Math.sqrt(headDim) }),
          { ...back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim), scale: residual },
          ...mixture(file, config, blk, { hidden, shared, residual, scores: 'softmax', normalise: true }),
        ];
      }),
    };
  },
};
