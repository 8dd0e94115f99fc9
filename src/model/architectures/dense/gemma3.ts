// Gemma 3 (text): norms before and after each branch, sliding-window layers with their own rope base. arXiv 2503.19786.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { type RopeSpec } from '../../graph.ts';
import { attend } from '../../ops/attend.ts';
import { normAdd } from '../../ops/norm-add.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';
import { readWindows } from '../../blocks/windows.ts';

export const architecture: Architecture = {
  name: 'gemma3',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'gemma3');
    const { dim, heads, headDim, ffn } = config;
    const global: RopeSpec = readRope(file, config, 'halves');
    if (!file.has('rope.freq_base')) global.base = 1e6;
    // Position scaling (factor 8 in the larger models) is for the global layers alone.
    const local: RopeSpec = { dims: global.dims, layout: 'halves', base: file.number('rope.freq_base_swa', 10000), scale: 1, magnitude: 1 };
    const windowOf = readWindows(file, config, 6);
    // The 27B model scales by dim / heads, not by the head dimension; llama.cpp knows it by its 62 layers.
    const scale = 1 / Math.sqrt(config.layers === 62 ? dim / heads : headDim);
    return {
      config,
      ...ropesOf(global, local),
      ...ends(file, config, { embeddingScale: Math.sqrt(dim), softcap: file.number('final_logit_softcapping', 0) || undefined }),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const window = windowOf(layer);
        return [
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: window ? 1 : 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` }),
          attend({ layer, scale, window }),
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
