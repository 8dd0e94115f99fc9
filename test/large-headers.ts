// Headers of models too large to have as files, as plain data: shapes of known models, without vocabulary or weights.
import { ggmlTypes } from '../src/formats/ggml-types.ts';
import { type Header, type MetadataValue, type TensorInfo } from '../src/gguf/header.ts';

interface Sizes {
  layers: number;
  dim: number;
  ff: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  vocab: number;
  context: number;
  /** Type of all matrices, but for those of `types`. */
  type: string;
  /** By the name of the tensor, without `.weight` and the layer. */
  types?: Record<string, string>;
}

/** An 8B as Llama 3.1: output matrix of its own, types as in Q4_K_M. */
export const llama8B = (): Header =>
  headerOf('llama', ['output'], [], {
    layers: 32, dim: 4096, ff: 14336, heads: 32, kvHeads: 8, headDim: 128, vocab: 128256, context: 131072,
    type: 'Q4_K', types: { output: 'Q6_K', attn_v: 'Q6_K', ffn_down: 'Q6_K' },
  });

/** A 27B as Gemma 3: the embedding is the output matrix. */
export const gemma27B = (): Header =>
  headerOf('gemma3', [], ['attn_q_norm', 'attn_k_norm', 'post_attention_norm', 'post_ffw_norm'], {
    layers: 62, dim: 5376, ff: 21504, heads: 32, kvHeads: 16, headDim: 128, vocab: 262144, context: 131072, type: 'Q4_0',
  });

/** `moreMatrices` beside those of every model, as large as the embedding; `moreNorms` of every layer. */
function headerOf(architecture: string, moreMatrices: string[], moreNorms: string[], sizes: Sizes): Header {
  const { layers, dim, ff, heads, kvHeads, headDim, vocab, context, type, types = {} } = sizes;
  const tensors = new Map<string, TensorInfo>();
  let offset = 0;
  const add = (name: string, shape: number[], typeName: string) => {
    const { blockSize, blockBytes } = [...ggmlTypes.values()].find((each) => each.name === typeName)!;
    const byteLength = (shape.reduce((a, b) => a * b, 1) / blockSize) * blockBytes;
    tensors.set(`${name}.weight`, { name: `${name}.weight`, type: typeName, shape, offset, byteLength });
    offset += Math.ceil(byteLength / 32) * 32;
  };
  const [rows, kvRows] = [heads * headDim, kvHeads * headDim];
  const matrices = {
    attn_q: [dim, rows], attn_k: [dim, kvRows], attn_v: [dim, kvRows], attn_output: [rows, dim],
    ffn_gate: [dim, ff], ffn_up: [dim, ff], ffn_down: [ff, dim],
  };
  for (const name of ['token_embd', ...moreMatrices]) add(name, [dim, vocab], types[name] ?? type);
  add('output_norm', [dim], 'F32');
  for (let layer = 0; layer < layers; layer++) {
    for (const [name, shape] of Object.entries(matrices)) add(`blk.${layer}.${name}`, shape, types[name] ?? type);
    for (const name of ['attn_norm', 'ffn_norm', ...moreNorms]) add(`blk.${layer}.${name}`, [/_[qk]_norm/.test(name) ? headDim : dim], 'F32');
  }
  const values: Record<string, MetadataValue> = {
    block_count: layers, context_length: context, embedding_length: dim, feed_forward_length: ff,
    'attention.head_count': heads, 'attention.head_count_kv': kvHeads,
    'attention.key_length': headDim, 'attention.value_length': headDim, 'attention.layer_norm_rms_epsilon': 1e-6,
  };
  const metadata = new Map<string, MetadataValue>([['general.architecture', architecture]]);
  for (const [key, value] of Object.entries(values)) metadata.set(`${architecture}.${key}`, value);
  return { version: 3, metadata, tensors, headerBytes: 0, fileBytes: offset };
}
