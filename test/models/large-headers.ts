// Headers of models too large to have as files, as plain data: shapes of known models, without vocabulary or weights.
import { ggmlTypes } from '../../src/formats/ggml-types.ts';
import { type Header, type MetadataValue, type TensorInfo } from '../../src/gguf/header.ts';

interface Sizes {
  layers: number;
  dim: number;
  ff: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  vocab: number;
  context: number;
  /** In place of a feed-forward layer; `biased`: as gpt-oss has them, with sinks and biases of attention too. */
  experts?: { count: number; used: number; ff: number; biased?: boolean };
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

/** A 3B as Llama 3.2, whose layers are slices as a whole. */
export const llama3B = (): Header =>
  headerOf('llama', [], [], {
    layers: 28, dim: 3072, ff: 8192, heads: 24, kvHeads: 8, headDim: 128, vocab: 128256, context: 131072,
    type: 'Q4_K', types: { attn_v: 'Q6_K', ffn_down: 'Q6_K' },
  });

/** A 27B as Gemma 3: the embedding is the output matrix. */
export const gemma27B = (): Header =>
  headerOf('gemma3', [], ['attn_q_norm', 'attn_k_norm', 'post_attention_norm', 'post_ffw_norm'], {
    layers: 62, dim: 5376, ff: 21504, heads: 32, kvHeads: 16, headDim: 128, vocab: 262144, context: 131072, type: 'Q4_0',
  });

/** Qwen3-30B-A3B as in Q4_K_M: 8 of 128 experts in each of 48 layers. */
export const qwen30B = (): Header =>
  headerOf('qwen3moe', ['output'], ['attn_q_norm', 'attn_k_norm'], {
    layers: 48, dim: 2048, ff: 6144, heads: 32, kvHeads: 4, headDim: 128, vocab: 151936, context: 40960,
    experts: { count: 128, used: 8, ff: 768 }, type: 'Q4_K', types: { output: 'Q6_K', attn_v: 'Q6_K', ffn_down_exps: 'Q6_K' },
  });

/** gpt-oss-20b as it ships: 4 of 32 experts in MXFP4 in each of 24 layers, all else in Q8_0. */
export const gptOss20B = (): Header =>
  headerOf('gpt-oss', ['output'], [], {
    layers: 24, dim: 2880, ff: 2880, heads: 64, kvHeads: 8, headDim: 64, vocab: 201088, context: 131072,
    experts: { count: 32, used: 4, ff: 2880, biased: true }, type: 'Q8_0', types: { ffn_gate_exps: 'MXFP4', ffn_up_exps: 'MXFP4', ffn_down_exps: 'MXFP4' },
  });

/** SmallThinker-4B-A0.6B in Q4_0: 4 of 32 experts in each of 32 layers. */
export const smallThinker4B = (): Header =>
  headerOf('smallthinker', [], [], {
    layers: 32, dim: 1536, ff: 768, heads: 12, kvHeads: 2, headDim: 128, vocab: 151936, context: 32768,
    experts: { count: 32, used: 4, ff: 768 }, type: 'Q4_0', types: { token_embd: 'Q8_0' },
  });

/** `moreMatrices` beside those of every model, as large as the embedding; `moreNorms` of every layer. */
function headerOf(architecture: string, moreMatrices: string[], moreNorms: string[], sizes: Sizes): Header {
  const { layers, dim, ff, heads, kvHeads, headDim, vocab, context, experts, type, types = {} } = sizes;
  const tensors = new Map<string, TensorInfo>();
  let offset = 0;
  const add = (name: string, shape: number[], typeName: string) => {
    const { blockSize, blockBytes } = [...ggmlTypes.values()].find((each) => each.name === typeName)!;
    const byteLength = (shape.reduce((a, b) => a * b, 1) / blockSize) * blockBytes;
    tensors.set(`${name}.weight`, { name: `${name}.weight`, type: typeName, shape, offset, byteLength });
    offset += Math.ceil(byteLength / 32) * 32;
  };
  const [rows, kvRows] = [heads * headDim, kvHeads * headDim];
  const feedForward = experts
    ? Object.fromEntries([
        ...['gate', 'up'].map((which) => [`ffn_${which}_exps`, [dim, experts.ff, experts.count]]),
        ['ffn_down_exps', [experts.ff, dim, experts.count]],
      ])
    : { ffn_gate: [dim, ff], ffn_up: [dim, ff], ffn_down: [ff, dim] };
  const matrices: Record<string, number[]> = {
    attn_q: [dim, rows], attn_k: [dim, kvRows], attn_v: [dim, kvRows], attn_output: [rows, dim], ...feedForward,
  };
  const addFloats = (name: string, shape: number[]) => {
    const byteLength = 4 * shape.reduce((a, b) => a * b, 1);
    tensors.set(name, { name, type: 'F32', shape, offset, byteLength });
    offset += Math.ceil(byteLength / 32) * 32;
  };
  for (const name of ['token_embd', ...moreMatrices]) add(name, [dim, vocab], types[name] ?? type);
  add('output_norm', [dim], 'F32');
  for (let layer = 0; layer < layers; layer++) {
    for (const [name, shape] of Object.entries(matrices)) add(`blk.${layer}.${name}`, shape, types[name] ?? type);
    if (experts) addFloats(`blk.${layer}.ffn_gate_inp.weight`, [dim, experts.count]);
    if (experts?.biased) {
      const biases = { attn_q: [rows], attn_k: [kvRows], attn_v: [kvRows], attn_output: [dim], ffn_gate_inp: [experts.count] };
      const ofExperts = { ffn_gate_exps: [experts.ff, experts.count], ffn_up_exps: [experts.ff, experts.count], ffn_down_exps: [dim, experts.count] };
      for (const [name, shape] of Object.entries({ ...biases, ...ofExperts })) addFloats(`blk.${layer}.${name}.bias`, shape);
      addFloats(`blk.${layer}.attn_sinks.weight`, [heads]);
    }
    const norms = ['attn_norm', experts?.biased ? 'post_attention_norm' : 'ffn_norm', ...moreNorms];
    for (const name of norms) add(`blk.${layer}.${name}`, [/_[qk]_norm/.test(name) ? headDim : dim], 'F32');
  }
  const values: Record<string, MetadataValue> = {
    block_count: layers, context_length: context, embedding_length: dim, feed_forward_length: ff,
    'attention.head_count': heads, 'attention.head_count_kv': kvHeads,
    'attention.key_length': headDim, 'attention.value_length': headDim, 'attention.layer_norm_rms_epsilon': 1e-6,
  };
  if (experts) Object.assign(values, { expert_count: experts.count, expert_used_count: experts.used, expert_feed_forward_length: experts.ff });
  if (experts?.biased) values['attention.sliding_window'] = 128;
  const metadata = new Map<string, MetadataValue>([['general.architecture', architecture]]);
  for (const [key, value] of Object.entries(values)) metadata.set(`${architecture}.${key}`, value);
  return { version: 3, metadata, tensors, headerBytes: 0, fileBytes: offset };
}
