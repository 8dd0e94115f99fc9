// SmallThinker: experts with ReLU gates, chosen by sigmoids from the layer's raw input before attention; every fourth layer sees all positions
// and does not rotate, the others have a window. arXiv 2507.20984.
import { type Architecture, blocks, ends, mostPositions, readConfig } from '../../architecture.ts';
import { back, queriesKeysValues } from '../../blocks/branches.ts';
import { type Mixture, expertWidth, routed, router, scoresOf } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'smallthinker',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'smallthinker', { expertsOnly: true });
    const { heads, headDim, context } = config;
    const window = file.count('attention.sliding_window', { least: 0, most: mostPositions, fallback: 0 });
    const mixture: Mixture = { hidden: expertWidth(file), activation: 'relu', scores: scoresOf(file, 'sigmoid'), normalise: true };
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const seesAll = window > 0 && layer % 4 === 0;
        return [
          ...router(file, config, blk, mixture),
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: seesAll ? undefined : 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim), window: window > 0 && window < context && !seesAll ? window : undefined }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ...routed(file, config, blk, mixture),
        ];
      }),
    };
  },
};
