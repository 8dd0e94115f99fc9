// Qwen 3 (dense): no biases, queries and keys normalised per head before the rotation. arXiv 2505.09388.
import { type Architecture, blocks, ends, readConfig, readRope } from '../architecture.ts';

export const qwen3: Architecture = {
  name: 'qwen3',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'qwen3');
    const { dim, heads, kvHeads, headDim, ffn } = config;
    return {
      config,
      ropes: [readRope(file, config, 'halves')],
      hostTensors: [],
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          {
            op: 'project', input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, output: 'qkv',
            matrices: [
              file.matrix(`${blk}.attn_q.weight`, dim, heads * headDim),
              file.matrix(`${blk}.attn_k.weight`, dim, kvHeads * headDim),
              file.matrix(`${blk}.attn_v.weight`, dim, kvHeads * headDim),
            ],
          },
          { op: 'rope', layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` },
          { op: 'attend', layer, scale: 1 / Math.sqrt(headDim) },
          { op: 'project', input: 'attended', cols: heads * headDim, output: 'x', add: true, matrices: [file.matrix(`${blk}.attn_output.weight`, heads * headDim, dim)] },
          {
            op: 'project', input: 'x', norm: `${blk}.ffn_norm.weight`, cols: dim, gate: 'silu', output: 'hidden',
            matrices: [file.matrix(`${blk}.ffn_gate.weight`, dim, ffn), file.matrix(`${blk}.ffn_up.weight`, dim, ffn)],
          },
          { op: 'project', input: 'hidden', cols: ffn, output: 'x', add: true, matrices: [file.matrix(`${blk}.ffn_down.weight`, ffn, dim)] },
        ];
      }),
    };
  },
};
