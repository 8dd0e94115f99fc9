// RWKV-7 "Goose" (Peng et al., arXiv 2503.14456): no attention. Of each token and the one before it the layers mix what they read, a state per
// head takes in and gives out keys and values, and feed-forward has a squared ReLU. All norms are LayerNorms with biases.
import { InvalidFileError, UnsupportedModelError } from '../../../errors.ts';
import { type Architecture, type ModelFile, blocks, ends, readConfig } from '../../architecture.ts';
import { back } from '../../blocks/branches.ts';
import { type ModelConfig, type Op } from '../../graph.ts';
import { hybridOf } from '../../blocks/hybrid.ts';
import { project } from '../../ops/project.ts';
import { blend } from '../../ops/rare/blend.ts';
import { layerNorm } from '../../ops/rare/layer-norm.ts';
import { shift } from '../../ops/rare/shift.ts';
import { squash } from '../../ops/rare/squash.ts';
import { wkv } from '../../ops/rare/wkv.ts';

export const architecture: Architecture = {
  name: 'rwkv7',
  harmless: [],
  graph(file) {
    const found = readConfig(file, 'rwkv7', { heads: 0, kvHeads: 0, headDim: 0, epsKey: 'attention.layer_norm_epsilon' });
    const { config } = hybridOf(found, () => false);
    const shifts = file.count('token_shift_count', { most: 4, fallback: 2 });
    if (shifts !== 2) throw new UnsupportedModelError(`The file's rwkv7.token_shift_count is ${shifts}; windrow needs 2, one for each half of a layer.`);
    const { embed, head } = ends(file, config, { center: true, normBias: 'output_norm.bias' });
    return {
      config, ropes: [], hostTensors: [], head, carried: ['first-value'],
      embed: { ...embed, output: 'embedded' },
      passedOver: [0, 1, 2].map((n) => `blk.0.time_mix_v${n}.`), // there is no earlier layer to take values from
      layers: blocks(config, (layer) => [
        ...(layer === 0 ? [layerNorm({ input: 'embedded', weight: 'token_embd_norm.weight', bias: 'token_embd_norm.bias', output: 'x' })] : []),
        ...timeMix(file, config, `blk.${layer}`, layer === 0),
        ...channelMix(file, config, `blk.${layer}`),
      ]),
    };
  },
};

function timeMix(file: ModelFile, config: ModelConfig, blk: string, isFirst: boolean): Op[] {
  const { dim } = config;
  const headDim = file.count('wkv.head_size', { least: 4, most: 256 });
  if (dim % headDim) throw new InvalidFileError(`rwkv7.wkv.head_size is ${headDim}, which does not divide a width of ${dim}.`);
  const of = (name: string) => `${blk}.time_mix_${name}`;
  const mixed = (part: number) => `mixed-${part}`;
  // All before the first product: a layer that passes in slices runs what reads and keeps a state without a cut between.
  const shifts = [0, 1, 2, 3, 4, 5].map((part) => shift({
    name: `${blk}.time_mix`, input: 'read', width: dim, weight: of('lerp_fused.weight'), part, parts: 6, shape: [dim, 1, 1, 6], keeps: part === 5,
    output: mixed(part),
  }));
  const full = (part: number, name: string, output: string) =>
    project({ input: mixed(part), cols: dim, matrices: [file.matrix(of(`${name}.weight`), dim, dim)], output });
  /** A matrix as two narrow ones, of `rank` columns and rows, with an activation between them. */
  const narrow = (part: number, letter: string, rank: string, output: string, by?: 'tanh' | 'sigmoid', bias?: string[]): Op[] => {
    const width = file.count(`attention.${rank}_lora_rank`, { most: 1 << 16 });
    return [
      project({ input: mixed(part), cols: dim, matrices: [file.matrix(of(`${letter}1.weight`), dim, width)], output: `narrow-${output}` }),
      ...(by ? [squash({ buffer: `narrow-${output}`, width, by })] : []),
      project({ input: `narrow-${output}`, cols: width, matrices: [file.matrix(of(`${letter}2.weight`), width, dim)], bias, output }),
    ];
  };
  const value = isFirst ? 'first-value' : 'value';
  const ofFirst = () => [
    ...narrow(3, 'v', 'value_residual_mix', 'value-share', undefined, [of('v0.weight')]),
    blend({ input: 'first-value', gate: 'value-share', width: dim, output: value }),
  ];
  return [
    layerNorm({ input: 'x', weight: `${blk}.attn_norm.weight`, bias: `${blk}.attn_norm.bias`, output: 'read' }),
    ...shifts,
    full(0, 'receptance', 'receptance'),
    ...narrow(1, 'w', 'decay', 'decay', 'tanh', [of('w0.weight')]),
    full(2, 'key', 'key'),
    full(3, 'value', value), ...(isFirst ? [] : ofFirst()),
    ...narrow(4, 'a', 'iclr', 'rate', undefined, [of('a0.weight')]),
    ...narrow(5, 'g', 'gate', 'gate', 'sigmoid'),
    wkv({
      name: `${blk}.wkv`, receptance: 'receptance', key: 'key', value, decay: 'decay', rate: 'rate', gate: 'gate', heads: dim / headDim, headDim,
      keyScale: of('k_k.weight'), keyRate: of('k_a.weight'), bonus: of('r_k.weight'), weight: of('ln.weight'), bias: of('ln.bias'), output: 'answer',
    }),
    back(file, config, of('output.weight'), 'answer', dim),
  ];
}

function channelMix(file: ModelFile, config: ModelConfig, blk: string): Op[] {
  const { dim, ffn } = config;
  return [
    layerNorm({ input: 'x', weight: `${blk}.attn_norm_2.weight`, bias: `${blk}.attn_norm_2.bias`, output: 'read' }),
    shift({
      name: `${blk}.channel_mix`, input: 'read', width: dim, weight: `${blk}.channel_mix_lerp_k.weight`, part: 0, parts: 1, shape: [dim], keeps: true,
      output: 'mixed',
    }),
    project({
      input: 'mixed', cols: dim, matrices: [file.matrix(`${blk}.channel_mix_key.weight`, dim, ffn)], activation: { kind: 'relu2' }, output: 'hidden',
    }),
    back(file, config, `${blk}.channel_mix_value.weight`, 'hidden', ffn),
  ];
}
