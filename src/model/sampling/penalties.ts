// Penalties: tokens that were there among the last ones, prompt included, become less likely. Counted on the GPU from the ids,
// in the order and arithmetic of llama.cpp: repeat, then frequency and presence.
import { type SamplingOptions } from '../../protocol.ts';
import { type SamplerStage, whole, within } from './stage.ts';

/** llama.cpp's default. */
const defaultLast = 64;
const all = 0xffffffff;

function fields({ repeatPenalty = 1, frequencyPenalty = 0, presencePenalty = 0, penaltyLast = defaultLast }: SamplingOptions) {
  const last = whole('penaltyLast', penaltyLast, -1, 2 ** 31 - 1);
  return {
    repeat: within('repeatPenalty', repeatPenalty, 0.1, 10),
    frequency: within('frequencyPenalty', frequencyPenalty, -2, 2),
    presence: within('presencePenalty', presencePenalty, -2, 2),
    last: last < 0 ? all : last,
  };
}

export const penalties: SamplerStage = {
  name: 'penalties',
  fields,
  asked(options) {
    const { repeat, frequency, presence, last } = fields(options);
    return last > 0 && (repeat !== 1 || frequency !== 0 || presence !== 0);
  },
  dispatches: [{ kernel: 'penalties', buffers: ['state', 'ids', 'counts', 'logits'], workgroups: 'one' }],
};
