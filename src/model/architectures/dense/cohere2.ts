// Command R7B and Command A: attention and feed-forward side by side after one LayerNorm; layers that see all do not rotate. arXiv 2504.00698.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';
import { readWindows } from '../../blocks/windows.ts';

export const architecture: Architecture = {
  name: 'cohere2',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'cohere2', { epsKey: 'attention.layer_norm_epsilon' });
    const { heads, headDim, ffn } = config;
    const windowOf = readWindows(file, config, 4, 4096);
    return {
      config,
      ...ropesOf(readRopeWithFactors(file, config, 'pairs')),
      ...ends(file, config, { logitScale: file.number('logit_scale', 0) || 1, center: true }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const window = windowOf(layer);
        const layerNorm = { norm: `${blk}.attn_norm.weight`, center: true };
        return [
          { ...queriesKeysValues(file, config, blk, qkvBiases(file, blk)), ...layerNorm },
          rope({ layer, rope: window ? 0 : undefined }),
          attend({ layer, scale: 1 / Math.sqrt(headDim), window }),
          { ...gated(file, config, blk, 'silu'), ...layerNorm }, // of x as it still is
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};
