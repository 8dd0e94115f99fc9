// Gemma 2: norms before and after each branch, every other layer with a window, caps on scores and logits. arXiv 2408.00118.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { normAdd } from '../../ops/norm-add.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';
import { readWindows } from '../../blocks/windows.ts';

export const architecture: Architecture = {
  name: 'gemma2',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'gemma2');
    const { dim, heads, headDim, ffn } = config;
    const windowOf = readWindows(file, config, 2, 4096);
    const softcap = file.number('attn_logit_softcapping', 50) || undefined;
    // The 27B model scales by dim / heads, not by the head dimension; llama.cpp knows it by its 46 layers.
    const scale = 1 / Math.sqrt(config.layers === 46 ? dim / heads : headDim);
    return {
      config,
      ...ropesOf(readRope(file, config, 'halves')),
      ...ends(file, config, { embeddingScale: Math.sqrt(dim), softcap: file.number('final_logit_softcapping', 30) || undefined }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: 0 }),
          attend({ layer, scale, window: windowOf(layer), softcap }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim, 'branch'),
          normAdd({ input: 'branch', weight: `${blk}.post_attention_norm.weight`, output: 'x' }),
          gated(file, config, blk, 'gelu'),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn, 'branch'),
          normAdd({ input: 'branch', weight: `${blk}.post_ffw_norm.weight`, output: 'x' }),
        ];
      }),
    };
  },
};
