// Everything stays, and a decoded token reads the runs of slots whose keys may give its query the largest product, by the least and the largest of each
// dimension (Quest, arXiv 2406.10774). A head of keys and values has one choice, of the query of its group that asks most.
import { type Policy } from '../../policy.ts';
import { appendWithBounds, lagOptions, planReading, readOptions, readRuns, runsOf } from '../../tick/read.ts';

const policy: Policy = {
  name: 'quest',
  /** `size`: slots of a run. */
  options: { ...readOptions, ...lagOptions, size: 16 },
  plan: (model, room, options) => planReading(model, room, options, () => ({ by: 'bounds', run: options.size, each: options.size, first: options.sinks })),
  async tick(kv) {
    await appendWithBounds(kv);
    readRuns(kv, runsOf(kv, kv.options.share, kv.options.slots));
  },
};

export const policies = [policy];
