// Qwen 2 and 2.5: Llama with biases on queries, keys and values, and rotary halves. arXiv 2407.10671.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'qwen2',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'qwen2');
    const { heads, headDim, ffn } = config;
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, [`${blk}.attn_q.bias`, `${blk}.attn_k.bias`, `${blk}.attn_v.bias`]),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          gated(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
