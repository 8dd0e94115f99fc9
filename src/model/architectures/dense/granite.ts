// Granite 3 (dense): Llama with scales on embeddings, scores, branches and logits. arXiv 2405.04324; the scales: muP, arXiv 2203.03466.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, qkvBiases, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'granite',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'granite');
    const { heads, headDim, ffn } = config;
    const scaleOf = (key: string) => file.number(key, 0) || 1; // 0 means none
    const residual = scaleOf('residual_scale');
    // llama.cpp takes this flag for whether there is a rotation.
    const index = file.flag('rope.scaling.finetuned', true) ? 0 : undefined;
    return {
      config,
      ...ropesOf(readRopeWithFactors(file, config, 'pairs')),
      ...ends(file, config, { embeddingScale: scaleOf('embedding_scale'), logitScale: 1 / scaleOf('logit_scale') }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk, qkvBiases(file, blk)),
          rope({ layer, rope: index }),
          attend({ layer, scale: file.number('attention.scale', 0) || 1 / Math.sqrt(headDim) }),
          { ...back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim), scale: residual },
          gated(file, config, blk, 'silu'),
          { ...back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn), scale: residual },
        ];
      }),
    };
  },
};
