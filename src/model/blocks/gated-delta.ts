// What the families of Qwen 3.5 and Qwen 3 Next share: gated delta nets, in some layers attention with a gate, feed-forward or experts.
import { type ModelFile, blocks, ends, readConfig } from '../architecture.ts';
import { back, gated } from './branches.ts';
import { type Graph, type ModelConfig, type Op } from '../graph.ts';
import { hybridOf } from './hybrid.ts';
import { deltaNet, mixed, readSizes } from './mixers.ts';
import { expertWidth, mixture } from './mixture.ts';
import { attend } from '../ops/attend.ts';
import { gatedNorm } from '../ops/rare/gated-norm.ts';
import { project } from '../ops/project.ts';
import { rope } from '../ops/rope.ts';
import { withoutPrediction } from './prediction-blocks.ts';
import { readRope, ropesOf } from '../rope-scaling.ts';

/** `shared`: how heads of values share those of keys. */
export function gatedDeltaModel(file: ModelFile, architecture: string, shared: 'runs' | 'turns'): Graph {
  const isMixture = file.number('expert_count', 0) > 0;
  const { config: found, passedOver } = withoutPrediction(file, readConfig(file, architecture, { expertsOnly: isMixture }));
  const every = file.count('full_attention_interval', { most: 1 << 20, fallback: 4 });
  const { config, cacheOf } = hybridOf(found, (layer) => (layer + 1) % every === 0);
  const sizes = readSizes(file);
  const ofAll = file.number('expert_shared_feed_forward_length', 0) || undefined;
  return {
    config, passedOver,
    ...ropesOf(readRope(file, config, 'halves')),
    ...ends(file, config),
    layers: blocks(config, (layer) => {
      const blk = `blk.${layer}`;
      const norm = `${blk}.post_attention_norm.weight`;
      const cache = cacheOf(layer);
      return [
        ...(cache === undefined ? mixed(deltaNet(file, config, blk, sizes, shared)) : gatedAttention(file, config, blk, cache)),
        ...(isMixture
          ? mixture(file, config, blk, { hidden: expertWidth(file), shared: ofAll, sharedGate: true, norm, scores: 'softmax', normalise: true })
          : [{ ...gated(file, config, blk, 'silu'), norm }, back(file, config, `${blk}.ffn_down.weight`, 'hidden', config.ffn)]),
      ];
    }),
  };
}

/** attn_q has the rows of each head's query and then those of its gate, whose sigmoid multiplies what the head attends to. */
function gatedAttention(file: ModelFile, config: ModelConfig, blk: string, layer: number): Op[] {
  const { dim, heads, kvHeads, headDim } = config;
  const { tensor } = file.matrix(`${blk}.attn_q.weight`, dim, 2 * heads * headDim);
  const ofHeads = (start: number) => Array.from({ length: heads }, (_, head) => ({ tensor, firstRow: (2 * head + start) * headDim, rows: headDim }));
  return [
    project({
      input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, output: 'qkv',
      matrices: [
        ...ofHeads(0), file.matrix(`${blk}.attn_k.weight`, dim, kvHeads * headDim), file.matrix(`${blk}.attn_v.weight`, dim, kvHeads * headDim), ...ofHeads(1),
      ],
    }),
    rope({ layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` }),
    attend({ layer, scale: 1 / Math.sqrt(headDim) }),
    gatedNorm({
      input: 'attended', gate: 'qkv', column: (heads + 2 * kvHeads) * headDim, activation: 'sigmoid', groups: heads, width: headDim, output: 'attended-gated',
    }),
    back(file, config, `${blk}.attn_output.weight`, 'attended-gated', heads * headDim),
  ];
}
