// Qwen 3 (mixtures): as the dense ones, with a mixture of experts in place of the feed-forward layer; weights of the chosen
// experts add up to 1. arXiv 2505.09388.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, queriesKeysValues } from '../../blocks/branches.ts';
import { expertWidth, mixture } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'qwen3moe',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'qwen3moe', { expertsOnly: true });
    const { heads, headDim } = config;
    const hidden = expertWidth(file);
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ...mixture(file, config, blk, { hidden, scores: 'softmax', normalise: true }),
        ];
      }),
    };
  },
};
