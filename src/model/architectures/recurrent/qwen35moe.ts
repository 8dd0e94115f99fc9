// Qwen 3.5 (mixtures): as the dense ones, with experts, and one with a gate that all tokens have. https://qwen.ai; arXiv 2412.06464 for the mixer.
import { type Architecture } from '../../architecture.ts';
import { gatedDeltaModel } from '../../blocks/gated-delta.ts';

export const architecture: Architecture = {
  name: 'qwen35moe',
  harmless: ['rope.dimension_sections'], // of positions that are the same in text
  graph: (file) => gatedDeltaModel(file, 'qwen35moe', 'turns'),
};
