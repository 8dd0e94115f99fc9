// A model as plain data: the operations of one forward pass in paper order, each naming its tensors. The graph decides
// what is stored together, what is planned and what is dispatched. Knows nothing of GPUs or files.
import { type Embed } from './ops/embed.ts';
import { type Project } from './ops/project.ts';

/** Rows `firstRow .. firstRow + rows` of a tensor. */
export interface RowRange {
  tensor: string;
  firstRow: number;
  rows: number;
}

/** An operation as plain data: `op` is the name of its file in ops/, which has the rest of its fields. */
export interface Op {
  readonly op: string;
}

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
  /** LongRoPE: the tensor in its place where there is room for more positions than `above`. */
  long?: { factors: string; above: number };
  yarn?: { originalContext: number; betaFast: number; betaSlow: number; extFactor: number };
  /** Multiplies cos and sin. */
  magnitude: number;
}

/** The heads of a cache of keys and values. */
export interface CacheHeads {
  kvHeads: number;
  headDim: number;
}

/** The heads of an operation, where they are not the model's. */
export interface Heads extends CacheHeads {
  heads: number;
}

export interface ModelConfig {
  architecture: string;
  layers: number;
  /** Width of the residual stream. */
  dim: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** The caches of keys and values that there are, where that is not one of such heads for each layer. */
  caches?: readonly CacheHeads[];
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
  /** What else is looked up of a token before the first layer: in a table that nothing else reads. */
  ownEmbed?: Embed;
  layers: Op[][];
  /** The activation buffers beside `x` that layers read of what came before them. */
  carried?: readonly string[];
  /** Final norm and output matrix; it writes `logits`. */
  head: Project;
  /** How embeddings are made, if the file says so; `cls` cannot be with tokens that see only those before them, and is known to be refused. */
  pooling?: 'mean' | 'cls' | 'last' | 'rank';
  /** Of a reranker: what its scores are made by, from the last token's normed vector, (outputs, dim) and (outputs). */
  classifier?: { weight: string; bias?: string; labels: string[] };
  /** Small tensors read by the CPU at load. */
  hostTensors: string[];
  /** How the names of tensors begin that the model's tokens do not depend on. */
  passedOver?: string[];
}
