// SnapKV with more slots for the heads of a layer that look at more (Ada-KV, arXiv 2407.11550): each has a part of its own by right, and the rest goes by
// score, whichever head it is of. How many that makes of each is read once, after the prompt.
import { type Policy } from '../../policy.ts';
import { endOf } from '../../tick/evict.ts';
import { keepListed } from '../../tick/move.ts';
import { paidByWindow } from '../../tick/paid.ts';
import { list, rank } from '../../tick/rank.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'adakv',
  /** `floor`: the share of its slots that every head has by right. */
  options: { ...evictOptions, kernel: 5, floor: 0.2 },
  plan(model, room, options) {
    // A head may turn out to need all that those of its layer have together.
    const spread = (slots: number) => (layer: number) => slots * model.heads[layer].kvHeads;
    return planEvicting(model, room, options, { peak: 'prompt', planes: [], queries: options.window }, spread);
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    const slots = within(kv, kv.layers[0]?.layer ?? 0, slotsOf(kv), end);
    const least = Math.min(slots, Math.floor(kv.options.floor * slotsOf(kv)));
    for (const layer of kv.layers) {
      const [set] = layer.sets;
      const { kvHeads } = layer.heads;
      const buffer = paidByWindow(kv, layer);
      const ranked = { scores: { buffer, type: 'f32' as const }, end };
      rank(kv, layer, { ...ranked, keep: least });
      const listed = list(kv, layer, rank(kv, layer, { ...ranked, keep: { jointly: Math.max(0, (slots - least) * kvHeads) }, further: true }), end);
      const read = new Uint32Array(await kv.read(listed.counts, 8 * kvHeads));
      const counts = Array.from({ length: kvHeads }, (_, head) => read[2 * head + 1]);
      await kv.makeRoom(set, counts);
      keepListed(kv, layer, listed);
      kv.setCounts(set, counts);
    }
    kv.advance(end);
  },
};

export const policies = [policy];
