// LFM2: short convolutions, and attention in some layers. arXiv 2511.23404.
import { type Architecture, blocks, ends } from '../../architecture.ts';
import { back, gated } from '../../blocks/branches.ts';
import { readHybrid } from '../../blocks/hybrid.ts';
import { headNormedAttention, mixed, shortConvolution } from '../../blocks/mixers.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'lfm2',
  harmless: [],
  graph(file) {
    const { config, cacheOf } = readHybrid(file, 'lfm2');
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config, { norm: 'token_embd_norm.weight' }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const cache = cacheOf(layer);
        return [
          ...(cache === undefined ? mixed(shortConvolution(file, config, blk)) : headNormedAttention(file, config, blk, cache)),
          gated(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', config.ffn),
        ];
      }),
    };
  },
};
