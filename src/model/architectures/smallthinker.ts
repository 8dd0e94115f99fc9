// SmallThinker: experts with ReLU gates, chosen by sigmoids from the layer's raw input before attention; every fourth layer sees all positions
// and does not rotate, the others have a window. arXiv 2507.20984.
import { type Architecture, blocks, ends, readConfig } from '../architecture.ts';
import { back, mixture, queriesKeysValues, scoresOf } from '../branches.ts';
import { attend } from '../ops/attend.ts';
import { isProject } from '../ops/project.ts';
import { rope } from '../ops/rope.ts';
import { readRope, ropesOf } from '../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'smallthinker',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'smallthinker');
    const { heads, headDim, context } = config;
    const hidden = file.count('expert_feed_forward_length', { most: 1 << 20 });
    const window = file.count('attention.sliding_window', { least: 0, most: 2 ** 31, fallback: 0 });
    const scores = scoresOf(file, 'sigmoid');
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const seesAll = window > 0 && layer % 4 === 0;
        const [router, ...rest] = mixture(file, config, blk, { hidden, activation: 'relu', scores, normalise: true });
        if (!isProject(router)) throw new Error('A mixture begins with its router.');
        return [
          { ...router, norm: undefined },
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: seesAll ? undefined : 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim), window: window > 0 && window < context && !seesAll ? window : undefined }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ...rest,
        ];
      }),
    };
  },
};
