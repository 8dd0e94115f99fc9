// Runs of neighbours whose keys are alike become one slot each, the one that the last queries pay most, with a mean of keys and values by how near they are
// to it (KVMerger, arXiv 2407.08454); its score is raised by the ln of how many they were, which the paper does not do.
import { type Policy } from '../../policy.ts';
import { endOf } from '../../tick/evict.ts';
import { slotsBefore } from '../../tick/layer.ts';
import { joinRuns, noteBiases } from '../../tick/merge.ts';
import { keepListed } from '../../tick/move.ts';
import { observe } from '../../tick/observe.ts';
import { list } from '../../tick/rank.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'kvmerger',
  options: { ...evictOptions, sinks: 4 },
  plan: (model, room, options) => planEvicting(model, room, options, { peak: 'prompt', planes: ['bias'], queries: options.window, buffers: 3 }),
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    const { sinks } = kv.options;
    for (const layer of kv.layers) {
      const [set] = layer.sets;
      const all = slotsBefore(kv, layer, end);
      const merged = Math.max(0, Math.min(all - within(kv, layer.layer, slotsOf(kv), end), all - sinks - 1));
      const counts = set.counts.map(() => all - merged);
      await kv.makeRoom(set, counts);
      const scores = observe(kv, layer, { into: 'mean', queries: kv.plan.window });
      const kept = list(kv, layer, joinRuns(kv, layer, { end, first: sinks, merged, scores }), end);
      keepListed(kv, layer, kept);
      noteBiases(kv, layer, kept);
      kv.setCounts(set, counts);
    }
    kv.advance(end);
  },
};

export const policies = [policy];
