// Mamba-2: a state-space mixer in every layer, neither attention nor feed-forward. arXiv 2405.21060.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { hybridOf } from '../../blocks/hybrid.ts';
import { mamba2, mixed, readSizes } from '../../blocks/mixers.ts';

export const architecture: Architecture = {
  name: 'mamba2',
  harmless: [],
  graph(file) {
    const { config } = hybridOf(readConfig(file, 'mamba2', { heads: 0, kvHeads: 0, headDim: 0, ffn: 0 }), () => false);
    const sizes = readSizes(file);
    return {
      config, ropes: [], hostTensors: [],
      ...ends(file, config),
      layers: blocks(config, (layer) => mixed(mamba2(file, config, `blk.${layer}`, sizes))),
    };
  },
};
