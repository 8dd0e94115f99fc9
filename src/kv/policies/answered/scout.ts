// Everything stays, at home in worker memory: a decoded token's query goes there, and the processor attends to all full pages while the GPU attends to the
// first and the last slots; both are joined (ScoutAttention, arXiv 2603.27138, and InstInfer's rule that the query goes to the data, arXiv 2409.04992). In
// place of ScoutAttention's query of a layer ahead: that of the layer itself, so that tokens are those of all keys on the GPU.
import { pageSlots } from '../../formats/format.ts';
import { type Policy } from '../../policy.ts';
import { answerOptions, planAnswered } from '../../tick/answered.ts';
import { endOf } from '../../tick/evict.ts';
import { appendAll } from '../../tick/move.ts';

const policy: Policy = {
  name: 'scout',
  options: answerOptions,
  plan: (model, room, options) => planAnswered(model, room, options, {}),
  async tick(kv) {
    await appendAll(kv, endOf(kv));
    // Full pages leave for worker memory behind this tick.
    for (const { sets: [set] } of kv.layers) kv.setPicks(set, set.counts.map(() => 0), set.counts.map((count) => count - (count % pageSlots)));
  },
};

export const policies = [policy];
