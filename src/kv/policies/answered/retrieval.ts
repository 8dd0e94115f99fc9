// Everything stays, at home in worker memory, with an index over the keys of each head there: the processor attends to the few slots that it finds for a
// decoded token's query, and to those that no index has yet, the GPU to the first and the last ones (RetrievalAttention, arXiv 2409.10516).
import { type Policy } from '../../policy.ts';
import { answerOptions, appendAnswered, planAnswered } from '../../tick/answered.ts';

const policy: Policy = {
  name: 'retrieval',
  /**
   * `share`: of the slots in an index, those whose keys a query is multiplied with at most; `least`: slots of a head from which on there is an index;
   * `observed`: last queries of each step of a prompt that it learns from.
   */
  options: { ...answerOptions, share: 0.03, least: 4096, observed: 8 },
  plan(model, room, options) {
    const { share, least, observed } = options;
    const usual = least === policy.options.least ? Math.min(least, room.context) : least; // of a shorter context none
    return { ...planAnswered(model, room, { ...options, least: usual }, { index: { share, least } }, observed) };
  },
  tick: appendAnswered,
};

export const policies = [policy];
