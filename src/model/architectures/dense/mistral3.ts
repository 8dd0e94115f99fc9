// Ministral 3: Llama with YaRN, whose queries grow with the position. huggingface.co/mistralai; the growth: Llama 4's, arXiv 2501.19399.
import { type Architecture, blocks, ends, mostPositions, readConfig } from '../../architecture.ts';
import { back, gated, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'mistral3',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'mistral3');
    const { heads, headDim, ffn } = config;
    const angles = readRopeWithFactors(file, config, 'pairs');
    const scale = file.number('attention.temperature_scale', 0);
    const period = file.count('attention.temperature_length', { most: mostPositions, fallback: angles.yarn?.originalContext ?? config.context });
    return {
      config,
      ...ropesOf(angles),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0, temperature: scale ? { scale, period } : undefined }),
          attend({ layer, scale: file.number('attention.scale', 0) || 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          gated(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
