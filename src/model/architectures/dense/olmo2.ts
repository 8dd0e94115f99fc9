// OLMo 2 and 3: norms after each branch in place of before, and of all heads of queries and of keys as one. arXiv 2501.00656, 2512.13961.
import { type Architecture, type ModelFile, blocks, ends, readConfig } from '../../architecture.ts';
import { back, gated, queriesKeysValues } from '../../blocks/branches.ts';
import { type ModelConfig, type RopeSpec } from '../../graph.ts';
import { attend } from '../../ops/attend.ts';
import { normAdd } from '../../ops/norm-add.ts';
import { rope } from '../../ops/rope.ts';
import { readRope, ropesOf } from '../../rope-scaling.ts';
import { readWindows } from '../../blocks/windows.ts';

export const architecture: Architecture = {
  name: 'olmo2',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'olmo2');
    const { heads, headDim, ffn } = config;
    const global = readGlobalRope(file, config);
    // OLMo 3 scales positions of the layers alone that see all of them.
    const local: RopeSpec = { dims: global.dims, layout: 'halves', base: file.number('rope.freq_base_swa', global.base), scale: 1, magnitude: 1 };
    const windowOf = readWindows(file, config, 4);
    return {
      config,
      ...ropesOf(global, local),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        const window = windowOf(layer);
        return [
          { ...queriesKeysValues(file, config, blk), norm: undefined },
          rope({ layer, rope: window ? 1 : 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight`, normOf: 'all' }),
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

/** OLMo 3's files name YaRN's whole magnitude where others name what multiplies it; once is enough. */
function readGlobalRope(file: ModelFile, config: ModelConfig): RopeSpec {
  const spec = readRope(file, config, 'halves');
  const named = file.number('rope.scaling.attn_factor', 1);
  const isWhole = spec.yarn !== undefined && named !== 1 && Math.abs(named * named - spec.magnitude) < 1e-3;
  return isWhole ? { ...spec, magnitude: named } : spec;
}
