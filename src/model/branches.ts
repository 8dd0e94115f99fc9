// Operations that most architectures share, named after what the papers call them. `blk` is the prefix `blk.N`.
import { UnsupportedModelError } from '../errors.ts';
import { type ModelFile, optionalBiases } from './architecture.ts';
import { type ModelConfig, type Op } from './graph.ts';
import { type Experts, experts } from './ops/experts.ts';
import { type Project, project } from './ops/project.ts';
import { type Route, mostExperts, mostUsed, route } from './ops/route.ts';

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

/** The biases of queries, keys and values, if the file has them. */
export const qkvBiases = (file: ModelFile, blk: string): string[] | undefined => optionalBiases(file, [`${blk}.attn_q`, `${blk}.attn_k`, `${blk}.attn_v`]);

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

/** The same of one matrix, ffn_up, that holds the gate's rows and then the others. */
export function gatedInOne(file: ModelFile, { dim, ffn }: ModelConfig, blk: string, gate: Project['gate']): Project {
  const { tensor } = file.matrix(`${blk}.ffn_up.weight`, dim, 2 * ffn);
  return project({
    input: 'x', norm: `${blk}.ffn_norm.weight`, cols: dim, gate, output: 'hidden',
    matrices: [{ tensor, firstRow: 0, rows: ffn }, { tensor, firstRow: ffn, rows: ffn }],
  });
}

/** hidden = activation(ffn_up · norm(x)), without a gate */
export function ungated(file: ModelFile, { dim, ffn }: ModelConfig, blk: string, activation: Project['activation']): Project {
  return project({
    input: 'x', norm: `${blk}.ffn_norm.weight`, cols: dim, activation, output: 'hidden', matrices: [file.matrix(`${blk}.ffn_up.weight`, dim, ffn)],
  });
}

/** x += the mixture of experts of norm(x): a router chooses `expert_used_count` of `expert_count` experts for each token. */
export function mixture(
  file: ModelFile,
  { dim }: ModelConfig,
  blk: string,
  { activation = 'silu', ...routing }: { hidden: number; activation?: Experts['activation'] } & Pick<Route, 'scores' | 'normalise'> & { scale?: number },
): Op[] {
  const count = file.count('expert_count', { most: 1 << 20 });
  const used = file.count('expert_used_count', { most: count });
  if (count > mostExperts || used > mostUsed) {
    throw new UnsupportedModelError(`${used} of ${count} experts for each token; windrow supports up to ${mostUsed} of ${mostExperts}.`);
  }
  const typeOf = (name: string) => file.header.tensors.get(`${blk}.${name}.weight`)?.type;
  if (typeOf('ffn_gate_exps') !== typeOf('ffn_up_exps')) {
    throw new UnsupportedModelError(
      `${blk}.ffn_gate_exps.weight is ${typeOf('ffn_gate_exps')} and ffn_up_exps.weight ${typeOf('ffn_up_exps')}; windrow needs experts with both of one type.`,
    );
  }
  const { hidden, scores, normalise, scale = 1 } = routing;
  const norm = `${blk}.ffn_norm.weight`;
  const bias = file.hasTensor(`${blk}.exp_probs_b.bias`) ? `${blk}.exp_probs_b.bias` : undefined;
  return [
    project({ input: 'x', norm, cols: dim, matrices: [file.matrix(`${blk}.ffn_gate_inp.weight`, dim, count)], output: 'router' }),
    route({ input: 'router', experts: count, used, scores, bias, normalise, scale }),
    experts({
      input: 'x', norm, experts: count, used, activation, cols: dim, hidden, output: 'x',
      gate: file.matrices(`${blk}.ffn_gate_exps.weight`, dim, hidden, count),
      up: file.matrices(`${blk}.ffn_up_exps.weight`, dim, hidden, count),
      down: file.matrices(`${blk}.ffn_down_exps.weight`, hidden, dim, count),
    }),
  ];
}
