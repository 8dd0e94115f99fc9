// gpt-oss: a score per head that has no value takes part in the softmax of attention; every other layer has a window; experts with biases and
// clamped gates, chosen by a softmax over the chosen alone. arXiv 2508.10925.
import { type Architecture, blocks, ends, optionalBiases, readConfig } from '../../architecture.ts';
import { back, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { expertWidth, mixture } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';
import { readWindows } from '../../blocks/windows.ts';

export const architecture: Architecture = {
  name: 'gpt-oss',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'gpt-oss', { expertsOnly: true });
    const { heads, headDim, ffn } = config;
    const windowOf = readWindows(file, config, 2);
    const hidden = expertWidth(file, ffn || undefined);
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim), window: windowOf(layer), sinks: `${blk}.attn_sinks.weight` }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim, 'x', optionalBiases(file, [`${blk}.attn_output`])),
          // A softmax over all whose chosen weights are made to add up to 1 is one over the chosen.
          ...mixture(file, config, blk, {
            hidden, norm: `${blk}.post_attention_norm.weight`, activation: 'clamped', biased: true, scores: 'softmax', normalise: true,
          }),
        ];
      }),
    };
  },
};
