// The mixture of experts of a layer, as architectures share it, and what files say of it. `blk` is the prefix `blk.N`.
import { UnsupportedModelError } from '../../errors.ts';
import { type ModelFile, optionalTensor, typeOf } from '../architecture.ts';
import { back, gated } from './branches.ts';
import { type ModelConfig, type Op } from '../graph.ts';
import { type Experts, experts } from '../ops/rare/experts.ts';
import { gatedNorm } from '../ops/rare/gated-norm.ts';
import { expertGates } from '../ops/rare/expert-gates.ts';
import { hasColumns, neurons } from '../ops/rare/neurons.ts';
import { project } from '../ops/project.ts';
import { type Route, mostExperts, mostGroups, mostUsed, route } from '../ops/rare/route.ts';

export interface Mixture extends Pick<Route, 'scores' | 'normalise'> {
  /** Hidden width of an expert, and of the expert that all tokens have, if there is one. */
  hidden: number;
  shared?: number;
  /** Of the gates. Default SiLU. */
  activation?: Experts['activation'];
  /** Tensor of the norm before. Default ffn_norm. */
  norm?: string;
  /** The sigmoid of one number multiplies the expert that all tokens have. */
  sharedGate?: boolean;
  /** Multiplies the weights of the chosen experts. */
  scale?: number;
  /** Multiplies what is added. */
  residual?: number;
  /** The router and the experts have biases. */
  biased?: boolean;
}

/** x += the mixture of experts of norm(x). */
export const mixture = (file: ModelFile, config: ModelConfig, blk: string, given: Mixture): Op[] =>
  [...router(file, config, blk, given, normOf(blk, given)), ...routed(file, config, blk, given)];

const normOf = (blk: string, { norm = `${blk}.ffn_norm.weight` }: Pick<Mixture, 'norm'>): string => norm;

/**
 * router = ffn_gate_inp · norm(x), a number for each of `expert_count` experts; and of these `expert_used_count` for each token, with
 * their weights.
 */
export function router(file: ModelFile, { dim }: ModelConfig, blk: string, given: Mixture, norm?: string): Op[] {
  const { scores, normalise, scale = 1, residual = 1, biased = false } = given;
  const { count, used, groups } = expertsOf(file);
  return [
    project({
      input: 'x', norm, cols: dim, output: 'router',
      matrices: [file.matrix(`${blk}.ffn_gate_inp.weight`, dim, count)],
      bias: biased ? [`${blk}.ffn_gate_inp.bias`] : undefined,
    }),
    route({ input: 'router', experts: count, used, scores, bias: optionalTensor(file, `${blk}.exp_probs_b.bias`), groups, normalise, scale: scale * residual,
      ...(byNeurons(file, blk, given) && { fetched: false }) }),
  ];
}

/** x += the experts of norm(x) that `router` has chosen, and the one of all tokens. */
export function routed(file: ModelFile, config: ModelConfig, blk: string, given: Mixture): Op[] {
  const { shared, residual = 1, sharedGate = false } = given;
  const norm = normOf(blk, given);
  const ofAll = shared === undefined ? [] : sharedExpert(file, config, blk, { ...given, shared, norm });
  const product = sharedGate ? 'hidden-gated' : 'hidden';
  const chosen = byNeurons(file, blk, given) ? neuronsOf(file, config, blk, given) : [expertsIn(file, config, blk, given)];
  const added = shared === undefined ? [] : [{ ...back(file, config, `${blk}.ffn_down_shexp.weight`, product, shared), scale: residual }];
  return [
    ...ofAll, // before x changes
    ...chosen,
    ...added,
  ];
}

const tensorsOf = (blk: string): string[] => ['gate', 'up', 'down'].map((name) => `${blk}.ffn_${name}_exps.weight`);

function expertsIn(file: ModelFile, { dim }: ModelConfig, blk: string, given: Mixture): Op {
  const { hidden, activation = 'silu', biased = false } = given;
  const { count, used } = expertsOf(file);
  const [gate, up, down] = tensorsOf(blk);
  return experts({
    input: 'x', norm: normOf(blk, given), experts: count, used, activation, cols: dim, hidden, output: 'x',
    gate: file.matrices(gate, dim, hidden, count), up: file.matrices(up, dim, hidden, count), down: file.matrices(down, hidden, dim, count),
    biases: biased ? { gate: `${blk}.ffn_gate_exps.bias`, up: `${blk}.ffn_up_exps.bias`, down: `${blk}.ffn_down_exps.bias` } : undefined,
  });
}

/** Whether single neurons of experts are to be fetched, as was asked for, and can be: of ReLU gates, by types of weights that have rows and columns. */
export function byNeurons(file: ModelFile, blk: string, { hidden, activation, biased }: Mixture): boolean {
  const [, up, down] = tensorsOf(blk);
  return file.neurons === true && activation === 'relu' && !biased && hidden % 32 === 0 && hasColumns(typeOf(file, up), typeOf(file, down));
}

/** The same as `expertsIn`, of those neurons alone whose gate is on. */
function neuronsOf(file: ModelFile, { dim }: ModelConfig, blk: string, given: Mixture): Op[] {
  const { hidden } = given;
  const { count, used } = expertsOf(file);
  const [gate, up, down] = tensorsOf(blk);
  return [
    expertGates({
      input: 'x', norm: normOf(blk, given), experts: count, used, gate: file.matrices(gate, dim, hidden, count), cols: dim, hidden,
      normed: 'normed', output: 'expert-hidden',
    }),
    neurons({
      input: 'expert-hidden', gated: { input: 'normed', cols: dim, up: file.matrices(up, dim, hidden, count) },
      down: file.matrices(down, hidden, dim, count), neurons: hidden, experts: { count, used }, output: 'x',
    }),
  ];
}

/** hidden = the gate and up products of the expert that all tokens have; hidden-gated = those times its gate, if it has one. */
function sharedExpert(file: ModelFile, { dim }: ModelConfig, blk: string, given: { shared: number; norm: string; sharedGate?: boolean }): Op[] {
  const { shared, norm, sharedGate } = given;
  const product = { ...gated(file, { dim, ffn: shared }, blk, 'silu', '_shexp'), norm };
  if (!sharedGate) return [product];
  return [
    product,
    project({ input: 'x', norm, cols: dim, matrices: [file.matrix(`${blk}.ffn_gate_inp_shexp.weight`, dim, 1)], output: 'shared-gate' }),
    gatedNorm({ input: 'hidden', gate: 'shared-gate', column: 0, one: true, activation: 'sigmoid', groups: 1, width: shared, output: 'hidden-gated' }),
  ];
}

/** How many experts there are, how many of them a token has, and from how many groups. */
export function expertsOf(file: ModelFile): { count: number; used: number; groups: Route['groups'] } {
  const count = file.count('expert_count', { most: 1 << 20 });
  const used = file.count('expert_used_count', { most: count });
  if (count > mostExperts || used > mostUsed) {
    throw new UnsupportedModelError(`${used} of ${count} experts for each token; windrow supports up to ${mostUsed} of ${mostExperts}.`);
  }
  return { count, used, groups: groupsOf(file, count) };
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

/** Hidden width of an expert. */
export const expertWidth = (file: ModelFile, fallback?: number): number => file.count('expert_feed_forward_length', { most: 1 << 20, fallback });

/** Layers without experts, which come first. */
export const denseLayers = (file: ModelFile, { layers }: ModelConfig): number =>
  file.count('leading_dense_block_count', { least: 0, most: layers, fallback: 0 });

/** How experts are scored where the file says it. */
export function scoresOf(file: ModelFile, usual: Route['scores']): Route['scores'] {
  const kind = file.number('expert_gating_func', 0);
  const known: Record<number, Route['scores']> = { 0: usual, 1: 'softmax', 2: 'sigmoid' };
  if (kind in known) return known[kind];
  throw new UnsupportedModelError(`The file's expert_gating_func is ${kind}; supported are 1 (softmax) and 2 (sigmoid).`);
}

/** How experts are scored and weighted, all as the file says it; by sigmoids where it says nothing. */
export const routingOf = (file: ModelFile): Pick<Mixture, 'scores' | 'normalise' | 'scale'> => ({
  scores: scoresOf(file, 'sigmoid'),
  normalise: file.flag('expert_weights_norm', false),
  scale: file.number('expert_weights_scale', 0) || 1, // 0 means none
});
