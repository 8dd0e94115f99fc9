// Everything stays, at home in worker memory: a decoded token's query goes there, and the processor attends to all full pages while the GPU attends to the
// first and the last slots; both are joined (ScoutAttention, arXiv 2603.27138, and InstInfer's rule that the query goes to the data, arXiv 2409.04992). In
// place of ScoutAttention's query of a layer ahead: that of the layer itself, so that tokens are those of all keys on the GPU; or with `lag` that of the token
// before, so that no layer waits. With `ahead` it is ScoutAttention's: what the layer's norm and matrix make of the input of the layer before.
import { RequestError } from '../../../errors.ts';
import { type Policy } from '../../policy.ts';
import { answerOptions, appendAnswered, planAnswered } from '../../tick/answered.ts';

const policy: Policy = {
  name: 'scout',
  /** `lag`: 1: the processor attends by the query of the token before; `ahead`: 1: by one that is made in the layer before. */
  options: { ...answerOptions, lag: 0, ahead: 0 },
  plan(model, room, { lag, ahead, ...options }) {
    if (lag && ahead)
      throw new RequestError('kvOptions has lag and ahead; the processor attends by the query of the token before or by one of the layer before.');
    return planAnswered(model, room, options, { lag: lag === 1, ...(ahead === 1 && { ahead: true }) });
  },
  tick: appendAnswered,
};

export const policies = [policy];
