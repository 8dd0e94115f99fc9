// Choose: the most likely token, or one drawn from the candidates of top-k, top-p, min-p and temperature, whose work the
// kernels that draw do on the way without sorting. Advances the sequence.
import { type SamplerStage, type StageDispatch } from './stage.ts';

const argmax: StageDispatch = { kernel: 'argmax', buffers: ['logits', 'best'], workgroups: 'slices' };
const files = ['sampling-bins'];

export const greedy: SamplerStage = {
  name: 'greedy',
  asked: ({ temperature = 0 }) => temperature === 0,
  dispatches: [argmax, { kernel: 'argmax-finish', label: 'finish', buffers: ['best', 'state', 'ids'], workgroups: 'one' }],
};

export const drawn: SamplerStage = {
  name: 'drawn',
  asked: ({ temperature = 0 }) => temperature > 0,
  dispatches: [
    argmax,
    { kernel: 'sample-histogram', files, label: 'histogram', buffers: ['logits', 'best', 'scratch'], workgroups: 'slices' },
    { kernel: 'sample-narrow', files, label: 'narrow', buffers: ['logits', 'scratch', 'narrowed'], workgroups: 'slices' },
    { kernel: 'sample', files, label: 'draw', buffers: ['narrowed', 'scratch', 'state', 'ids'], workgroups: 'one' },
  ],
};
