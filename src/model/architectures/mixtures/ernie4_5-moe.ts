// ERNIE 4.5 (mixtures): dense layers first, then experts of which a bias helps to choose, and one that all tokens have. ERNIE 4.5 technical
// report (Baidu, 2025).
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { denseLayers, expertWidth, mixture } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'ernie4_5-moe',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'ernie4_5-moe');
    const { layers, heads, headDim, ffn } = config;
    const hidden = expertWidth(file);
    const shared = file.number('expert_shared_feed_forward_length', 0) || undefined;
    const dense = denseLayers(file, config);
    const step = file.count('interleave_moe_layer_step', { most: layers, fallback: 1 });
    const isMixture = (layer: number) => layer >= dense && (layer + 1) % step === 0;
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
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ...(isMixture(layer)
            ? mixture(file, config, blk, { hidden, shared, scores: 'softmax', normalise: true })
            : [gated(file, config, blk, 'silu'), back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn)]),
        ];
      }),
    };
  },
};
