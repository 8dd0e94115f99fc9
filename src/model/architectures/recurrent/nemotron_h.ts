// Nemotron-H: one branch a layer, Mamba-2, attention without rotation, or a feed-forward by squared ReLU. arXiv 2504.03624.
import { type Architecture, blocks, ends } from '../../architecture.ts';
import { back, queriesKeysValues, ungated } from '../../blocks/branches.ts';
import { readHybrid } from '../../blocks/hybrid.ts';
import { mamba2, mixed, readSizes } from '../../blocks/mixers.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';

export const architecture: Architecture = {
  name: 'nemotron_h',
  harmless: ['attention.layer_norm_epsilon', 'rope.dimension_count', 'rope.freq_base'], // no layer has a LayerNorm, and none rotates
  graph(file) {
    const { config, cacheOf } = readHybrid(file, 'nemotron_h');
    const { heads, headDim, ffn } = config;
    const widths = file.counts('feed_forward_length', 1 << 20);
    const sizes = readSizes(file);
    return {
      config, ropes: [], hostTensors: [],
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const cache = cacheOf(layer);
        if (cache !== undefined) {
          return [
            queriesKeysValues(file, config, blk),
            rope({ layer: cache }),
            attend({ layer: cache, scale: 1 / Math.sqrt(headDim) }),
            back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ];
        }
        if (widths[layer] === 0) return mixed(mamba2(file, config, blk, sizes));
        return [
          { ...ungated(file, config, blk, { kind: 'relu2' }), norm: `${blk}.attn_norm.weight` },
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
