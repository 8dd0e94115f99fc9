// Headers of large mixtures whose layers differ from each other, as plain data: exact shapes, without vocabulary or weights. Those whose
// layers are all alike are in large-headers.ts.
import { ggmlTypes } from '../../src/formats/ggml-types.ts';
import { type Header, type MetadataValue, type TensorInfo } from '../../src/gguf/header.ts';

/** The shape of a tensor and its type, by its name. */
type Tensors = Record<string, [shape: number[], type: string]>;

/** Qwen3.5-35B-A3B as in Q4_K_M: 8 of 256 experts and one that all tokens have in each of 40 layers, of which every fourth attends. */
export function qwen35B(): Header {
  const [dim, layers, experts, ff] = [2048, 40, 256, 512];
  const [heads, kvHeads, headDim, inner, keys] = [16, 2, 256, 4096, 2048];
  const mixer: Tensors = {
    'attn_qkv.weight': [[dim, 2 * keys + inner], 'Q4_K'], 'attn_gate.weight': [[dim, inner], 'Q4_K'], 'ssm_conv1d.weight': [[4, 2 * keys + inner], 'F32'],
    'ssm_dt.bias': [[32], 'F32'], ssm_a: [[32], 'F32'], 'ssm_beta.weight': [[dim, 32], 'F32'], 'ssm_alpha.weight': [[dim, 32], 'F32'],
    'ssm_norm.weight': [[128], 'F32'], 'ssm_out.weight': [[inner, dim], 'Q4_K'],
  };
  const attention: Tensors = {
    'attn_q.weight': [[dim, 2 * heads * headDim], 'Q4_K'], 'attn_k.weight': [[dim, kvHeads * headDim], 'Q4_K'],
    'attn_v.weight': [[dim, kvHeads * headDim], 'Q6_K'], 'attn_q_norm.weight': [[headDim], 'F32'], 'attn_k_norm.weight': [[headDim], 'F32'],
    'attn_output.weight': [[heads * headDim, dim], 'Q4_K'],
  };
  const mixture: Tensors = {
    'attn_norm.weight': [[dim], 'F32'], 'post_attention_norm.weight': [[dim], 'F32'], 'ffn_gate_inp.weight': [[dim, experts], 'F32'],
    'ffn_gate_exps.weight': [[dim, ff, experts], 'Q4_K'], 'ffn_up_exps.weight': [[dim, ff, experts], 'Q4_K'],
    'ffn_down_exps.weight': [[ff, dim, experts], 'Q6_K'],
    'ffn_gate_shexp.weight': [[dim, ff], 'Q4_K'], 'ffn_up_shexp.weight': [[dim, ff], 'Q4_K'], 'ffn_down_shexp.weight': [[ff, dim], 'Q6_K'],
    'ffn_gate_inp_shexp.weight': [[dim], 'F32'],
  };
  return headerOf(
    'qwen35moe',
    { 'token_embd.weight': [[dim, 248320], 'Q4_K'], 'output.weight': [[dim, 248320], 'Q6_K'], 'output_norm.weight': [[dim], 'F32'] },
    Array.from({ length: layers }, (_, layer) => ({ ...((layer + 1) % 4 ? mixer : attention), ...mixture })),
    {
      context_length: 262144, embedding_length: dim, block_count: layers, 'attention.layer_norm_rms_epsilon': 1e-6, full_attention_interval: 4,
      'attention.head_count': heads, 'attention.head_count_kv': kvHeads, 'attention.key_length': headDim, 'attention.value_length': headDim,
      'rope.freq_base': 1e7, 'rope.dimension_count': 64, 'ssm.conv_kernel': 4, 'ssm.inner_size': inner, 'ssm.state_size': 128,
      'ssm.time_step_rank': 32, 'ssm.group_count': 16,
      expert_count: experts, expert_used_count: 8, expert_feed_forward_length: ff, expert_shared_feed_forward_length: ff,
    },
  );
}

/** gemma-4-26B-A4B in Q4_0: 8 of 128 experts beside feed-forward in each of 30 layers, of which every sixth sees all positions, with larger heads. */
export function gemma26B(): Header {
  const [dim, layers, experts, ff, width] = [2816, 30, 128, 704, 2112];
  const seesAll = (layer: number) => layer % 6 === 5;
  const layerOf = (layer: number): Tensors => {
    const [headDim, kvHeads] = seesAll(layer) ? [512, 2] : [256, 8];
    const norms = ['attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm', 'pre_ffw_norm_2', 'post_ffw_norm_1', 'post_ffw_norm_2'];
    return {
      ...Object.fromEntries(norms.map((name) => [`${name}.weight`, [[dim], 'F32']])),
      'attn_q.weight': [[dim, 16 * headDim], 'Q4_0'], 'attn_k.weight': [[dim, kvHeads * headDim], 'Q4_0'],
      ...(seesAll(layer) ? {} : { 'attn_v.weight': [[dim, kvHeads * headDim], 'Q4_0'] }),
      'attn_q_norm.weight': [[headDim], 'F32'], 'attn_k_norm.weight': [[headDim], 'F32'], 'attn_output.weight': [[16 * headDim, dim], 'Q4_0'],
      'ffn_gate.weight': [[dim, width], 'Q4_0'], 'ffn_up.weight': [[dim, width], 'Q4_0'], 'ffn_down.weight': [[width, dim], 'Q4_0'],
      'ffn_gate_inp.weight': [[dim, experts], 'F32'], 'ffn_gate_inp.scale': [[dim], 'F32'], 'ffn_down_exps.scale': [[experts], 'F32'],
      'ffn_gate_up_exps.weight': [[dim, 2 * ff, experts], 'Q4_0'], 'ffn_down_exps.weight': [[ff, dim, experts], 'Q4_0'],
      'layer_output_scale.weight': [[1], 'F32'],
    };
  };
  const all = Array.from({ length: layers }, (_, layer) => layer);
  return headerOf(
    'gemma4',
    { 'token_embd.weight': [[dim, 262144], 'Q6_K'], 'rope_freqs.weight': [[256], 'F32'], 'output_norm.weight': [[dim], 'F32'] },
    all.map(layerOf),
    {
      context_length: 262144, embedding_length: dim, block_count: layers, 'attention.layer_norm_rms_epsilon': 1e-6, feed_forward_length: width,
      'attention.head_count': 16, 'attention.head_count_kv': all.map((layer) => (seesAll(layer) ? 2 : 8)),
      'attention.key_length': 512, 'attention.value_length': 512, 'attention.key_length_swa': 256, 'attention.value_length_swa': 256,
      'attention.sliding_window': 1024, 'attention.sliding_window_pattern': all.map((layer) => !seesAll(layer)),
      'rope.freq_base': 1e6, 'rope.freq_base_swa': 1e4, 'rope.dimension_count': 512, 'rope.dimension_count_swa': 256,
      embedding_length_per_layer_input: 0, final_logit_softcapping: 30, expert_count: experts, expert_used_count: 8, expert_feed_forward_length: ff,
    },
  );
}

function headerOf(architecture: string, ends: Tensors, layers: Tensors[], values: Record<string, MetadataValue>): Header {
  const tensors = new Map<string, TensorInfo>();
  let offset = 0;
  const ofLayers = layers.flatMap((each, layer) => Object.entries(each).map(([name, rest]) => [`blk.${layer}.${name}`, rest] as const));
  const named = [...Object.entries(ends), ...ofLayers];
  for (const [name, [shape, type]] of named) {
    const { blockSize, blockBytes } = [...ggmlTypes.values()].find((each) => each.name === type)!;
    const byteLength = (shape.reduce((a, b) => a * b, 1) / blockSize) * blockBytes;
    tensors.set(name, { name, type, shape, offset, byteLength });
    offset += Math.ceil(byteLength / 32) * 32;
  }
  const metadata = new Map<string, MetadataValue>([['general.architecture', architecture]]);
  for (const [key, value] of Object.entries(values)) metadata.set(`${architecture}.${key}`, value);
  return { version: 3, metadata, tensors, headerBytes: 0, fileBytes: offset };
}
