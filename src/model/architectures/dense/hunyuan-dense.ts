// Hunyuan (dense): Llama with queries and keys normalised per head after the rotation. github.com/Tencent-Hunyuan; arXiv 2411.02265.
import { UnsupportedModelError } from '../../../errors.ts';
import { type Architecture, type ModelFile, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { type ModelConfig, type RopeSpec } from '../../graph.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'hunyuan-dense',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'hunyuan-dense');
    const { heads, headDim, ffn } = config;
    return {
      config,
      ...ropesOf(readAngles(file, config)),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight`, order: 'rotate-norm' }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          gated(file, config, blk, 'silu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};

/** A longer context by a larger base: base * alpha^(d / (d - 2)) ("NTK-aware"). */
function readAngles(file: ModelFile, config: ModelConfig): RopeSpec {
  const spec = readRopeWithFactors(file, config, 'halves');
  // A rotation leaves the sizes of heads as they are, so that the norm may be taken before it.
  if (spec.magnitude !== 1)
    throw new UnsupportedModelError(`The rotation of this ${config.architecture} model also scales heads by ${spec.magnitude}; windrow needs 1.`);
  const alpha = file.number('rope.scaling.alpha', 0) || 1;
  return { ...spec, base: spec.base * alpha ** (config.headDim / (config.headDim - 2)) };
}
