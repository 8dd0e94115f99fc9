// Operations that most architectures share, named after what the papers call them. `blk` is the prefix `blk.N`.
import { UnsupportedModelError } from '../errors.ts';
import { type ModelFile, optionalBiases } from './architecture.ts';
import { type ModelConfig, type Op } from './graph.ts';
import { type Experts, experts } from './ops/experts.ts';
import { type Project, project } from './ops/project.ts';
import { type Route, mostExperts, mostGroups, mostUsed, route } from './ops/route.ts';

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

/** hidden = gate(ffn_gate · norm(x)) * (ffn_up · norm(x)); `kind`: of the tensors' names, as in ffn_up_shexp. */
export function gated(file: ModelFile, { dim, ffn }: Pick<ModelConfig, 'dim' | 'ffn'>, blk: string, gate: Project['gate'], kind = ''): Project {
  return project({
    input: 'x', norm: `${blk}.ffn_norm.weight`, cols: dim, gate, output: 'hidden',
    matrices: [file.matrix(`${blk}.ffn_gate${kind}.weight`, dim, ffn), file.matrix(`${blk}.ffn_up${kind}.weight`, dim, ffn)],
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

export interface Mixture extends Pick<Route, 'scores' | 'normalise'> {
  /** Hidden width of an expert, and of the expert that all tokens have, if there is one. */
  hidden: number;
  shared?: number;
  /** Of the gates. Default SiLU. */
  activation?: Experts['activation'];
  /** Tensor of the norm before. Default ffn_norm. */
  norm?: string;
  /** Multiplies the weights of the chosen experts. */
  scale?: number;
  /** Multiplies what is added. */
  residual?: number;
}

/** x += the mixture of experts of norm(x): a router chooses `expert_used_count` of `expert_count` experts for each token. */
export function mixture(file: ModelFile, config: ModelConfig, blk: string, given: Mixture): Op[] {
  const { hidden, shared, activation = 'silu', norm = `${blk}.ffn_norm.weight`, scores, normalise, scale = 1, residual = 1 } = given;
  const { dim } = config;
  const count = file.count('expert_count', { most: 1 << 20 });
  const used = file.count('expert_used_count', { most: count });
  if (count > mostExperts || used > mostUsed) {
    throw new UnsupportedModelError(`${used} of ${count} experts for each token; windrow supports up to ${mostUsed} of ${mostExperts}.`);
  }
  const bias = file.hasTensor(`${blk}.exp_probs_b.bias`) ? `${blk}.exp_probs_b.bias` : undefined;
  const ofAll = shared === undefined ? [] : [{ ...gated(file, { dim, ffn: shared }, blk, 'silu', '_shexp'), norm }];
  const added = shared === undefined ? [] : [{ ...back(file, config, `${blk}.ffn_down_shexp.weight`, 'hidden', shared), scale: residual }];
  return [
    project({ input: 'x', norm, cols: dim, matrices: [file.matrix(`${blk}.ffn_gate_inp.weight`, dim, count)], output: 'router' }),
    route({ input: 'router', experts: count, used, scores, bias, groups: groupsOf(file, count), normalise, scale: scale * residual }),
    ...ofAll, // before x changes
    experts({
      input: 'x', norm, experts: count, used, activation, cols: dim, hidden, output: 'x',
      gate: file.matrices(`${blk}.ffn_gate_exps.weight`, dim, hidden, count),
      up: file.matrices(`${blk}.ffn_up_exps.weight`, dim, hidden, count),
      down: file.matrices(`${blk}.ffn_down_exps.weight`, hidden, dim, count),
    }),
    ...added,
  ];
}

function groupsOf(file: ModelFile, experts: number): Route['groups'] {
  if (file.number('expert_group_count', 0) <= 1) return undefined;
  const count = file.count('expert_group_count', { most: experts });
  const used = file.count('expert_group_used_count', { most: count });
  if (experts % count || count > mostGroups) {
    throw new UnsupportedModelError(`${experts} experts in ${count} groups; windrow needs groups of equal size, and at most ${mostGroups} of them.`);
  }
  return { count, used };
}

/** How experts are scored where the file says it. */
export function scoresOf(file: ModelFile, usual: Route['scores']): Route['scores'] {
  const kind = file.number('expert_gating_func', 0);
  const known: Record<number, Route['scores']> = { 0: usual, 1: 'softmax', 2: 'sigmoid' };
  if (kind in known) return known[kind];
  throw new UnsupportedModelError(`The file's expert_gating_func is ${kind}; supported are 1 (softmax) and 2 (sigmoid).`);
}
