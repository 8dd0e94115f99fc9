// Blocks that predict further tokens (multi-token prediction, arXiv 2404.19737): behind the layers of the model, which are run without them.
import { type ModelFile } from '../architecture.ts';
import { type ModelConfig } from '../graph.ts';

/** The model without its last `nextn_predict_layers` blocks, and how the names of their tensors begin. */
export function withoutPrediction(file: ModelFile, config: ModelConfig): { config: ModelConfig; passedOver: string[] } {
  const blocks = file.count('nextn_predict_layers', { least: 0, most: config.layers - 1, fallback: 0 });
  const layers = config.layers - blocks;
  return { config: { ...config, layers }, passedOver: Array.from({ length: blocks }, (_, i) => `blk.${layers + i}.`) };
}
