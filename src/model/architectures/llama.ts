// Llama 1 to 3, Mistral, SmolLM and their kin. Touvron et al., arXiv 2302.13971; Llama 3: arXiv 2407.21783.
import { type Architecture, blocks, ends, optionalBiases, readConfig, readRope } from '../architecture.ts';

export const llama: Architecture = {
  name: 'llama',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'llama');
    const { dim, heads, kvHeads, headDim, ffn } = config;
    const rope = readRope(file, config, 'pairs');
    if (file.hasTensor('rope_freqs.weight')) rope.factors = 'rope_freqs.weight';
    return {
      config,
      ropes: [rope],
      hostTensors: rope.factors ? [rope.factors] : [],
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
            bias: optionalBiases(file, [`${blk}.attn_q`, `${blk}.attn_k`, `${blk}.attn_v`]),
          },
          { op: 'rope', layer, rope: 0 },
          { op: 'attend', layer, scale: 1 / Math.sqrt(headDim) },
          {
            op: 'project', input: 'attended', cols: heads * headDim, output: 'x', add: true,
            matrices: [file.matrix(`${blk}.attn_output.weight`, heads * headDim, dim)],
            bias: optionalBiases(file, [`${blk}.attn_output`]),
          },
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
