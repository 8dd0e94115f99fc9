// Qwen 3 (dense): no biases, queries and keys normalised per head before the rotation. arXiv 2505.09388.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'qwen3',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'qwen3');
    const { heads, headDim, ffn } = config;
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
          gated(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
