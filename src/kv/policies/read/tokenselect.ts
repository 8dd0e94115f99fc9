// Everything stays, and a decoded token reads the slots that all heads of a layer together would pay most, by their products with every key. The next
// tokens read the same while their queries are like the one that chose (TokenSelect, arXiv 2411.02886).
import { type Policy } from '../../policy.ts';
import { appendAll } from '../../tick/move.ts';
import { endOf } from '../../tick/evict.ts';
import { chosenOf, planReading, readOptions, readRuns } from '../../tick/read.ts';

const policy: Policy = {
  name: 'tokenselect',
  /** `alike`: cosine of queries from which on a choice is kept. */
  options: { ...readOptions, alike: 0.9 },
  plan: (model, room, options) => planReading(model, room, options, () => ({ by: 'votes', run: 1, each: 1, first: options.sinks, alike: options.alike })),
  async tick(kv) {
    await appendAll(kv, endOf(kv));
    readRuns(kv, chosenOf(kv, kv.options.share, kv.options.slots));
  },
};

export const policies = [policy];
