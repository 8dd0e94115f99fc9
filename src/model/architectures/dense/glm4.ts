// GLM-4-0414: norms before and after each branch, half of each head rotated, gate and up in one matrix. arXiv 2406.12793.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gatedInOne, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { normAdd } from '../../ops/norm-add.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'glm4',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'glm4');
    const { heads, headDim, ffn } = config;
    return {
      config,
      ...ropesOf(readRope(file, config, 'pairs')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim, 'branch'),
          normAdd({ input: 'branch', weight: `${blk}.post_attention_norm.weight`, output: 'x' }),
          gatedInOne(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn, 'branch'),
          normAdd({ input: 'branch', weight: `${blk}.post_ffw_norm.weight`, output: 'x' }),
        ];
      }),
    };
  },
};
