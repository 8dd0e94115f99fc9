// SmolLM 3: Llama of which every fourth layer does not rotate (NoPE). huggingface.co/blog/smollm3; arXiv 2501.18795.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'smollm3',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'smollm3');
    const { heads, headDim, ffn } = config;
    return {
      config,
      ...ropesOf(readRope(file, config, 'pairs')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: layer % 4 === 3 ? undefined : 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          gated(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
