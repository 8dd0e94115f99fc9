// AFM (Arcee): Llama with a feed-forward layer without a gate, its activation a squared ReLU. arcee.ai/blog; arXiv 2109.08668.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, backFromFew, qkvBiases, queriesKeysValues, ungated } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'arcee',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'arcee');
    const { heads, headDim, ffn } = config;
    return {
      config,
      ...ropesOf(readRopeWithFactors(file, config, 'pairs')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ungated(file, config, blk, { kind: 'relu2' }),
          backFromFew(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
