// Llama 1 to 3, Mistral, Mixtral, SmolLM and their kin. Touvron et al., arXiv 2302.13971; Llama 3: arXiv 2407.21783; Mixtral:
// arXiv 2401.04088.
import { type Architecture, blocks, ends, gateOf, optionalBiases, readConfig } from '../../architecture.ts';
import { back, feedForward, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { mixture } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'llama',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'llama');
    const { heads, headDim, ffn } = config;
    const gate = gateOf(file);
    return {
      config,
      ...ropesOf(readRopeWithFactors(file, config, 'pairs')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: 0 }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim, 'x', optionalBiases(file, [`${blk}.attn_output`])),
          ...(file.number('expert_count', 0) > 0
            ? mixture(file, config, blk, { hidden: ffn, activation: gate, scores: 'softmax', normalise: true })
            : feedForward(file, config, blk, gate)),
        ];
      }),
    };
  },
};
