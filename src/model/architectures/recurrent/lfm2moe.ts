// LFM2 (mixtures): as the dense ones, with experts chosen by sigmoids with a bias behind the first layers. arXiv 2511.23404.
import { type Architecture, blocks, ends } from '../../architecture.ts';
import { back, gated } from '../../blocks/branches.ts';
import { readHybrid } from '../../blocks/hybrid.ts';
import { headNormedAttention, mixed, shortConvolution } from '../../blocks/mixers.ts';
import { denseLayers, expertWidth, mixture, scoresOf } from '../../blocks/mixture.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'lfm2moe',
  harmless: [],
  graph(file) {
    const { config, cacheOf } = readHybrid(file, 'lfm2moe');
    const dense = denseLayers(file, config);
    const hidden = expertWidth(file);
    const scores = scoresOf(file, 'sigmoid');
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config, { norm: 'token_embd_norm.weight' }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const cache = cacheOf(layer);
        return [
          ...(cache === undefined ? mixed(shortConvolution(file, config, blk)) : headNormedAttention(file, config, blk, cache)),
          ...(layer < dense
            ? [gated(file, config, blk, 'silu'), back(file, config, `${blk}.ffn_down.weight`, 'hidden', config.ffn)]
            : mixture(file, config, blk, { hidden, scores, normalise: true })),
        ];
      }),
    };
  },
};
