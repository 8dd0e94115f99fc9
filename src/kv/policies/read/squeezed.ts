// Everything stays. The keys of the first prompt, a fixed text that many questions are asked of, say, are put into clusters once, and a decoded token reads
// the slots of those that its query would pay most (Squeezed Attention, arXiv 2411.09688), and all that came later.
import { type KvSet, type Policy } from '../../policy.ts';
import { cluster } from '../../tick/cluster.ts';
import { endOf } from '../../tick/evict.ts';
import { appendAll } from '../../tick/move.ts';
import { chosenOf, planReading, readOptions } from '../../tick/read.ts';

const rounds = 10;

const policy: Policy = {
  name: 'squeezed',
  /** `size`: slots of a cluster on average. */
  options: { ...readOptions, size: 16 },
  plan(model, room, options) {
    const pick = { by: 'clusters' as const, run: 1, each: options.size, first: options.sinks };
    const plan = planReading(model, room, options, () => pick);
    return { ...plan, planes: ['cluster'], kernels: 16 + 2 * rounds };
  },
  async tick(kv) {
    const { sinks, share, slots } = kv.options;
    await appendAll(kv, endOf(kv));
    const isDone = ({ tails }: KvSet) => tails[0] > sinks;
    for (const layer of kv.layers) {
      const [set] = layer.sets;
      const due = kv.phase === 'prompt' && !isDone(set) && set.counts[0] > sinks;
      if (due) cluster(kv, layer, rounds);
      kv.setPicks(set, set.counts.map(() => chosenOf(kv, share, slots)), due ? set.counts : set.tails);
    }
  },
};

export const policies = [policy];
