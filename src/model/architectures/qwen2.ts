// Qwen 2 and 2.5: Llama with biases on queries, keys and values, and rotary halves. arXiv 2407.10671.
import { type Architecture, blocks, ends, readConfig, readRope } from '../architecture.ts';

export const qwen2: Architecture = {
  name: 'qwen2',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'qwen2');
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
            bias: [`${blk}.attn_q.bias`, `${blk}.attn_k.bias`, `${blk}.attn_v.bias`],
          },
          { op: 'rope', layer, rope: 0 },
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
