// Whole runs of consecutive tokens by what the last queries pay them, the same in all heads and in groups of layers (WindowKV, arXiv 2503.17922). The
// paper tells by a classifier whether a task is to locate or to gather; here that is an option.
import { type KvLayer, type KvTick, type Policy } from '../../policy.ts';
import { endOf } from '../../tick/evict.ts';
import { indexed, slotsBefore } from '../../tick/layer.ts';
import { keepListed } from '../../tick/move.ts';
import { observe } from '../../tick/observe.ts';
import { byRuns, list, rank } from '../../tick/rank.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'windowkv',
  /** `size`: tokens of a run; `layers`: that share a choice; `gather`: 1: runs by their mean, 0: by their largest. */
  options: { ...evictOptions, size: 8, layers: 6, gather: 0 },
  plan: (model, room, options) => planEvicting(model, room, options, { peak: 'prompt', planes: [], queries: options.window }),
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    for (const [i, layer] of kv.layers.entries()) await keepRuns(kv, layer, end, i % kv.options.layers === 0);
    kv.advance(end);
  },
};

export const policies = [policy];

/** `chooses`: else it keeps what the layer before it does. */
async function keepRuns(kv: KvTick, layer: KvLayer, end: number, chooses: boolean): Promise<void> {
  const { size, gather } = kv.options;
  const [set] = layer.sets;
  const all = slotsBefore(kv, layer, end);
  const keep = Math.min(Math.floor(within(kv, layer.layer, slotsOf(kv), end) / size), Math.floor(all / size)) * size;
  const counts = set.counts.map(() => keep);
  await kv.makeRoom(set, counts);
  const marks = indexed(kv, 'marks');
  if (chooses) {
    const scores = observe(kv, layer, { into: 'mean', queries: kv.plan.window });
    const buffer = byRuns(kv, layer, scores, { end, size, how: gather ? 'mean' : 'largest' });
    rank(kv, layer, { scores: { buffer, type: 'f32' }, end, keep });
  }
  keepListed(kv, layer, list(kv, layer, marks, end));
  kv.setCounts(set, counts);
}
