// EXAONE 4: norms after each branch alone; where layers have a window, those that see all do not rotate. arXiv 2507.11407.
import { type Architecture, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { normAdd } from '../../ops/norm-add.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';
import { readWindows } from '../../blocks/windows.ts';

export const architecture: Architecture = {
  name: 'exaone4',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'exaone4');
    const { layers, heads, headDim, ffn } = config;
    // The 32B model has windows though early files of it do not say so; llama.cpp knows it by its 64 layers.
    const windowOf = readWindows(file, config, 4, layers === 64 ? 4096 : 0);
    const hasWindows = Array.from({ length: layers }, (_, layer) => windowOf(layer)).some(Boolean);
    return {
      config,
      ...ropesOf(readRopeWithFactors(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const window = windowOf(layer);
        return [
          { ...queriesKeysValues(file, config, blk), norm: undefined },
          rope({ layer, rope: hasWindows && !window ? undefined : 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` }),
          attend({ layer, scale: 1 / Math.sqrt(headDim), window }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim, 'branch'),
          normAdd({ input: 'branch', weight: `${blk}.post_attention_norm.weight`, output: 'x' }),
          { ...gated(file, config, blk, 'silu'), norm: undefined },
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn, 'branch'),
          normAdd({ input: 'branch', weight: `${blk}.post_ffw_norm.weight`, output: 'x' }),
        ];
      }),
    };
  },
};
