// Falcon H1: Mamba-2 and attention side by side in every layer; its multipliers are in the weights. arXiv 2507.22448.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { mamba2, readSizes } from '../../blocks/mixers.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'falcon-h1',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'falcon-h1');
    const { heads, headDim, ffn } = config;
    const sizes = readSizes(file);
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const mixer = mamba2(file, config, blk, sizes);
        return [
          ...mixer.ops, // of x before attention adds to it
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          mixer.back,
          { ...gated(file, config, blk, 'silu'), norm: file.hasTensor(`${blk}.ffn_norm`) ? `${blk}.ffn_norm` : `${blk}.ffn_norm.weight` },
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
