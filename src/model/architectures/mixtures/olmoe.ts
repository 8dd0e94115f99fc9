// OLMoE: a mixture in every layer, its weights as the router gives them; norms of all heads of queries and of keys as one. arXiv 2409.02060.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, queriesKeysValues } from '../../blocks/branches.ts';
import { mixture } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'olmoe',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'olmoe');
    const { heads, headDim, ffn } = config;
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight`, normOf: 'all' }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ...mixture(file, config, blk, { hidden: ffn, scores: 'softmax', normalise: false }),
        ];
      }),
    };
  },
};
