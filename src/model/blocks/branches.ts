// Operations that most architectures share, named after what the papers call them. `blk` is the prefix `blk.N`.
import { type ModelFile, optionalBiases, typeOf } from '../architecture.ts';
import { type ModelConfig, type Op } from '../graph.ts';
import { type Project, project } from '../ops/project.ts';
import { type Neurons, hasColumns, neurons } from '../ops/rare/neurons.ts';

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

/** The same of one matrix, attn_qkv, that holds the rows of all three. */
export function queriesKeysValuesInOne(file: ModelFile, { dim, heads, kvHeads, headDim }: ModelConfig, blk: string): Project {
  const matrices = [file.matrix(`${blk}.attn_qkv.weight`, dim, (heads + 2 * kvHeads) * headDim)];
  return project({ input: 'x', norm: `${blk}.attn_norm.weight`, cols: dim, output: 'qkv', matrices });
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

/** x += matrix · input, where most numbers of the input are zeros: by the columns of the others, if the type of the weights can be read so. */
export function backFromFew(file: ModelFile, config: ModelConfig, tensor: string, input: string, cols: number): Project | Neurons {
  const down = file.matrix(tensor, cols, config.dim);
  if (file.byRows || !hasColumns(typeOf(file, tensor))) return back(file, config, tensor, input, cols);
  return neurons({ input, down, neurons: cols, output: 'x' });
}

/** x += ffn_down · (gate(ffn_gate · norm(x)) * (ffn_up · norm(x))) */
export const feedForward = (file: ModelFile, config: ModelConfig, blk: string, gate: Project['gate']): Op[] =>
  (gate === 'relu' ? gatedByRelu(file, config, blk) : [gated(file, config, blk, gate), back(file, config, `${blk}.ffn_down.weight`, 'hidden', config.ffn)]);

/** The same by a ReLU: of those neurons alone whose gate is on, if the types of the weights can be read so. */
function gatedByRelu(file: ModelFile, config: ModelConfig, blk: string): Op[] {
  const { dim, ffn } = config;
  const [norm, up, down] = ['ffn_norm', 'ffn_up', 'ffn_down'].map((name) => `${blk}.${name}.weight`);
  if (file.byRows || ffn % 32 || !hasColumns(typeOf(file, up), typeOf(file, down)))
    return [gated(file, config, blk, 'relu'), back(file, config, down, 'hidden', ffn)];
  return [
    project({ input: 'x', norm, cols: dim, output: 'hidden', matrices: [file.matrix(`${blk}.ffn_gate.weight`, dim, ffn)] }),
    neurons({
      input: 'hidden', gated: { input: 'x', norm, cols: dim, up: file.matrix(up, dim, ffn) }, down: file.matrix(down, ffn, dim), neurons: ffn, output: 'x',
    }),
  ];
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
