// The text part of Qwen 3 VL (dense): Qwen 3, whose rotation has three positions for places in images, all equal in text. arXiv 2511.21631.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'qwen3vl',
  // How pairs are dealt over the three positions, and into how many layers features of images are added ("deepstack"): text has neither.
  harmless: ['rope.dimension_sections', 'n_deepstack_layers'],
  graph(file) {
    const config = readConfig(file, 'qwen3vl');
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
