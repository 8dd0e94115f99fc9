// Qwen 3.5 (dense): gated delta nets, and every fourth layer attention with a gate on what it attends to, part of each head rotated. The last
// block, which predicts further tokens, is passed over. https://qwen.ai; arXiv 2412.06464 for the mixer.
import { type Architecture } from '../../architecture.ts';
import { gatedDeltaModel } from '../../blocks/gated-delta.ts';

export const architecture: Architecture = {
  name: 'qwen35',
  harmless: ['rope.dimension_sections'], // of positions that are the same in text
  graph: (file) => gatedDeltaModel(file, 'qwen35', 'turns'),
};
