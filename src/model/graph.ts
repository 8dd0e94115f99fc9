// A model as plain data: the operations of one forward pass in paper order, each naming its tensors. The graph decides
// what is stored together, what is planned and what is dispatched. Knows nothing of GPUs or files.

/** Activation buffers, one row per token: f32, rows padded to a multiple of 32 columns with zeros. */
export type Activation = 'x' | 'qkv' | 'query' | 'attended' | 'hidden' | 'branch' | 'logits';

/** Rows `firstRow .. firstRow + rows` of a tensor. */
export interface RowRange {
  tensor: string;
  firstRow: number;
  rows: number;
}

/** output row t = table[ids[t]] * scale */
export interface Embed {
  op: 'embed';
  table: string;
  scale: number;
  output: Activation;
}

/**
 * output = matrix · norm(input) + bias, the matrices stacked by rows; with `gate`, the first half of the rows goes
 * through the activation and multiplies the second; with `add`, the result is added to output.
 */
export interface Project {
  op: 'project';
  input: Activation;
  /** RMS norm weights applied to the input. */
  norm?: string;
  matrices: RowRange[];
  cols: number;
  /** One per matrix, or none. */
  bias?: (string | undefined)[];
  gate?: 'silu' | 'gelu';
  add?: boolean;
  /** cap * tanh(value / cap) */
  softcap?: number;
  output: Activation;
}

/** Normalises (optional) and rotates queries and keys of `qkv`; queries go to `query`, keys and values to the cache of `layer`. */
export interface Rope {
  op: 'rope';
  layer: number;
  /** Index into `Graph.ropes`. */
  rope: number;
  queryNorm?: string;
  keyNorm?: string;
}

/** attended = softmax(query · keys * scale) · values; causal, of the last `window` positions if given. */
export interface Attend {
  op: 'attend';
  layer: number;
  scale: number;
  window?: number;
}

/** output += norm(input) * weight */
export interface NormAdd {
  op: 'norm-add';
  input: Activation;
  weight: string;
  output: Activation;
}

export type Op = Embed | Project | Rope | Attend | NormAdd;

/** How positions become angles. Sources: RoFormer; "YaRN" (arXiv 2309.00071); LongRoPE (arXiv 2402.13753); llama.cpp for the details. */
export interface RopeSpec {
  /** Dimensions of a head that are rotated. */
  dims: number;
  /** Pairs (2i, 2i+1), or halves (i, i + dims/2). */
  layout: 'pairs' | 'halves';
  base: number;
  /** Positions are multiplied by this (1 / factor). */
  scale: number;
  /** Tensor with a divisor per frequency. */
  factors?: string;
  yarn?: { originalContext: number; betaFast: number; betaSlow: number; extFactor: number };
  /** Multiplies cos and sin. */
  magnitude: number;
}

export interface ModelConfig {
  architecture: string;
  layers: number;
  /** Width of the residual stream. */
  dim: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  ffn: number;
  vocab: number;
  /** Positions the model was trained for. */
  context: number;
  eps: number;
}

export interface Graph {
  config: ModelConfig;
  ropes: RopeSpec[];
  embed: Embed;
  layers: Op[][];
  /** Final norm and output matrix. */
  head: Project;
  /** Small tensors read by the CPU at load. */
  hostTensors: string[];
}
