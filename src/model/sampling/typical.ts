// Typical-p: keeps the tokens whose information lies closest to the mean of all, until their probabilities, at temperature 1,
// pass p; in the order and arithmetic of llama.cpp. A greedy request takes the most likely token whatever it says.
import { type SamplerStage, within } from './stage.ts';

export const typical: SamplerStage = {
  name: 'typical',
  fields: ({ typicalP = 1 }) => ({ typicalP: within('typicalP', typicalP, 0, 1) }),
  asked: ({ typicalP = 1, temperature = 0 }) => typicalP < 1 && temperature > 0,
  dispatches: [{ kernel: 'typical', files: ['sampling-bins'], buffers: ['logits'], workgroups: 'one' }],
};
