// The experts of Gemma 4 beside a feed-forward layer.
import { type ModelFile, optionalTensor } from '../architecture.ts';
import { type ModelConfig, type Op } from '../graph.ts';
import { expertWidth, expertsOf } from './mixture.ts';
import { experts } from '../ops/rare/experts.ts';
import { normAdd } from '../ops/norm-add.ts';
import { project } from '../ops/project.ts';
import { route } from '../ops/rare/route.ts';

/** Which experts a token has: before all else, so that nothing from before the choice is read after it and a step may run ahead. */
export function gemma4Router(file: ModelFile, { dim }: ModelConfig, blk: string): Op[] {
  const { count, used } = expertsOf(file);
  return [
    project({
      input: 'x', norm: `${blk}.ffn_gate_inp.scale`, cols: dim, matrices: [file.matrix(`${blk}.ffn_gate_inp.weight`, dim, count)],
      scale: 1 / Math.sqrt(dim), output: 'router',
    }),
    route({
      input: 'router', experts: count, used, scores: 'softmax', normalise: true, scale: 1, expertScale: optionalTensor(file, `${blk}.ffn_down_exps.scale`),
    }),
  ];
}

/** sum = norm(branch) + norm(experts), where `branch` is the result of the feed-forward layer. */
export function gemma4Experts(file: ModelFile, { dim }: ModelConfig, blk: string): Op[] {
  const { count, used } = expertsOf(file);
  const hidden = expertWidth(file);
  const both = file.matrices(`${blk}.ffn_gate_up_exps.weight`, dim, 2 * hidden, count);
  return [
    normAdd({ input: 'branch', weight: `${blk}.post_ffw_norm_1.weight`, output: 'sum', add: false }),
    experts({
      input: 'x', norm: `${blk}.pre_ffw_norm_2.weight`, experts: count, used, activation: 'gelu', cols: dim, hidden, output: 'branch', add: false,
      gate: both, up: { ...both, firstRow: hidden }, fused: true, down: file.matrices(`${blk}.ffn_down_exps.weight`, hidden, dim, count),
    }),
    normAdd({ input: 'branch', weight: `${blk}.post_ffw_norm_2.weight`, output: 'sum' }),
  ];
}
