// After the prompt keys keep the channels that its last queries ask most of, by the lengths of queries and keys there, and lose the others, but for the last
// slots (ThinK, arXiv 2407.21018); with a share below 1 of the slots that SnapKV would keep (arXiv 2404.14469). Channels are those of the first prompt.
import { checkOption } from '../../options.ts';
import { type KvLayer, type KvTick, type Policy } from '../../policy.ts';
import { narrowKeys } from '../../formats/sealed/narrow.ts';
import { endOf } from '../../tick/evict.ts';
import { chooseChannels, keepNarrow } from '../../tick/narrow.ts';
import { paidByLast } from '../../tick/paid.ts';
import { type Rank, list, rank } from '../../tick/rank.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'think',
  /**
   * `cut`: the share of a key's channels that go; `share`: of slots that stay; `observed`: last queries that choose those; `kernel`: neighbours that are
   * averaged.
   */
  options: { ...evictOptions, share: 1, cut: 0.4, observed: 32, kernel: 5 },
  plan(model, room, options) {
    const { cut, window, observed } = options;
    checkOption('cut', cut, { least: 0, most: 0.9, fractions: true });
    const numbers = room.format.name === 'f32' ? 'f32' : 'f16';
    const format = (layer: number) => narrowKeys(numbers, Math.ceil((1 - cut) * model.heads[layer].headDim));
    return planEvicting(model, room, options, { peak: 'prompt', planes: [], queries: Math.max(window, observed), format });
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    for (const layer of kv.layers) {
      const [set] = layer.sets;
      const keep = within(kv, layer.layer, slotsOf(kv), end);
      const counts = set.counts.map((count) => Math.min(keep, count + end - kv.base));
      await kv.makeRoom(set, counts);
      const kept = list(kv, layer, rank(kv, layer, { end, keep, ...chosen(kv, layer, end) }), end);
      if (!set.counts.some((slots) => slots > 0)) chooseChannels(kv, layer, kept, kv.plan.window);
      keepNarrow(kv, layer, kept);
      kv.setCounts(set, counts);
    }
    kv.advance(end);
  },
};

/** Which slots stay, where not all do. */
function chosen(kv: KvTick, layer: KvLayer, end: number): Pick<Rank, 'scores' | 'last'> {
  const { share, observed } = kv.options;
  if (share === 1) return {};
  return { scores: { buffer: paidByLast(kv, layer, observed), type: 'f32' }, last: Math.max(0, observed - (kv.length - end)) };
}

export const policies = [policy];
