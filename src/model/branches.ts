// Operations that most architectures share, named after what the papers call them. `blk` is the prefix `blk.N`.
import { type ModelFile } from './architecture.ts';
import { type ModelConfig } from './graph.ts';
import { type Project, project } from './ops/project.ts';

/** qkv = [attn_q; attn_k; attn_v] · norm(x) */
export function queriesKeysValues(file: ModelFile, { dim, heads, kvHeads, headDim }: ModelConfig, blk: string, bias?: string[]): Project {
  return project({
    input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, bias, output: 'qkv',
    matrices: [
      file.matrix(`${blk}.attn_q.weight`, dim, heads * headDim),
      file.matrix(`${blk}.attn_k.weight`, dim, kvHeads * headDim),
      file.matrix(`${blk}.attn_v.weight`, dim, kvHeads * headDim),
    ],
  });
}

/** x += matrix · input, or branch = matrix · input where a norm stands between them. */
export function back(
  file: ModelFile,
  { dim }: ModelConfig,
  tensor: string,
  input: string,
  cols: number,
  output: 'x' | 'branch' = 'x',
  bias?: string[],
): Project {
  return project({ input, cols, bias, output, add: output === 'x', matrices: [file.matrix(tensor, cols, dim)] });
}

/** hidden = gate(ffn_gate · norm(x)) * (ffn_up · norm(x)) */
export function gated(file: ModelFile, { dim, ffn }: ModelConfig, blk: string, gate: Project['gate']): Project {
  return project({
    input: 'x', norm: `${blk}.ffn_norm.weight`, cols: dim, gate, output: 'hidden',
    matrices: [file.matrix(`${blk}.ffn_gate.weight`, dim, ffn), file.matrix(`${blk}.ffn_up.weight`, dim, ffn)],
  });
}
