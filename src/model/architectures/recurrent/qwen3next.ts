// Qwen 3 Next: gated delta nets, and every fourth layer attention with a gate on what it attends to; experts, and one with a gate that all tokens
// have. https://qwen.ai; arXiv 2412.06464 for the mixer.
import { type Architecture } from '../../architecture.ts';
import { gatedDeltaModel } from '../../blocks/gated-delta.ts';

export const architecture: Architecture = {
  name: 'qwen3next',
  harmless: ['rope.dimension_sections'], // of positions that are the same in text
  graph: (file) => gatedDeltaModel(file, 'qwen3next', 'runs'),
};
