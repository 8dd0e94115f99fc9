// Phi 3: queries, keys and values in one matrix, gate and up in another; LongRoPE in the long-context models. arXiv 2404.14219.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gatedInOne, queriesKeysValuesInOne } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readLongRope, readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'phi3',
  // llama.cpp computes Phi 3 with full attention too: the windows in these files are as long as the trained context.
  harmless: ['attention.sliding_window'],
  graph(file) {
    const config = readConfig(file, 'phi3');
    const { heads, headDim, ffn } = config;
    const isLong = file.hasTensor('rope_factors_long.weight') || file.string('rope.scaling.type', '') === 'longrope';
    return {
      config,
      ...ropesOf((isLong ? readLongRope : readRope)(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValuesInOne(file, config, blk),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          gatedInOne(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
