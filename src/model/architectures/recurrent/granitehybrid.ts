// Granite 4 (hybrids): Mamba-2, attention in some layers, without rotation in most models; feed-forward or experts. Scales as in Granite 3.
// https://www.ibm.com/granite/docs/models/granite; arXiv 2405.21060 for the mixer.
import { type Architecture, blocks, ends } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { readHybrid } from '../../blocks/hybrid.ts';
import { mamba2, mixed, readSizes } from '../../blocks/mixers.ts';
import { expertWidth, mixture } from '../../blocks/mixture.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'granitehybrid',
  harmless: [],
  graph(file) {
    const isMixture = file.number('expert_count', 0) > 0;
    const { config, cacheOf } = readHybrid(file, 'granitehybrid', isMixture);
    const { heads, headDim, ffn } = config;
    const scaleOf = (key: string) => file.number(key, 0) || 1; // 0 means none
    const residual = scaleOf('residual_scale');
    const scale = file.number('attention.scale', 0) || 1 / Math.sqrt(headDim);
    const rotates = file.flag('rope.scaling.finetuned', true);
    const sizes = readSizes(file);
    const shared = file.number('expert_shared_feed_forward_length', 0) || undefined;
    return {
      config,
      ...ropesOf(readRope(file, config, 'pairs')),
      ...ends(file, config, { embeddingScale: scaleOf('embedding_scale'), logitScale: 1 / scaleOf('logit_scale') }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const cache = cacheOf(layer);
        const attention = (layer: number) => [
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: rotates ? 0 : undefined }),
          attend({ layer, scale }),
          { ...back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim), scale: residual },
        ];
        return [
          ...(cache === undefined ? mixed(mamba2(file, config, blk, sizes, residual)) : attention(cache)),
          ...(isMixture
            ? mixture(file, config, blk, { hidden: expertWidth(file, ffn || undefined), shared, scores: 'softmax', normalise: true, residual })
            : [gated(file, config, blk, 'silu'), { ...back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn), scale: residual }]),
        ];
      }),
    };
  },
};
