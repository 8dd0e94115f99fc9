// What queries pay most stays, all of the prompt or its last ones, more of it in heads that look at more; what goes becomes a part of the slot that stays
// whose key is the most like its own, which then counts as many tokens, or is dropped where none is like it (EMS, arXiv 2412.08521).
import { type KvLayer, type KvTick, type Policy } from '../../policy.ts';
import { betweenTicks } from '../../set-bytes.ts';
import { indexed, mostSlots } from '../../tick/layer.ts';
import { mergeNearest, noteBiases } from '../../tick/merge.ts';
import { keepListed } from '../../tick/move.ts';
import { observe } from '../../tick/observe.ts';
import { larger, list, rank } from '../../tick/rank.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'ems',
  /** `floor`: the share of its slots that every head has by right; `alike`: from which cosine on slots are merged. */
  options: { ...evictOptions, chunk: 128, floor: 0.2, alike: 0.6 },
  plan(model, room, options) {
    const { chunk, interval } = options;
    const spread = (slots: number) => (layer: number) => slots * model.heads[layer].kvHeads;
    // The last slots are merged into as well, so that none stays a fresh one.
    return planEvicting(model, room, { ...options, positions: 1 }, {
      peak: 'prompt', planes: ['acc', 'bias'], notes: 'prompts', chunk, queries: betweenTicks(chunk, interval), window: 0, buffers: 5,
    }, spread);
  },
  async tick(kv) {
    if (kv.phase === 'decode') return;
    if (kv.phase === 'chunk') return void kv.layers.forEach((layer) => observe(kv, layer, { into: 'sum' }));
    const end = kv.length;
    const { window, floor, alike } = kv.options;
    const slots = within(kv, kv.layers[0]?.layer ?? 0, slotsOf(kv), end);
    const least = Math.min(slots, window + Math.floor(floor * slotsOf(kv)));
    for (const layer of kv.layers) {
      const [set] = layer.sets;
      const { kvHeads } = layer.heads;
      const ranked = { scores: { buffer: paid(kv, layer), type: 'f32' as const }, end, last: window };
      rank(kv, layer, { ...ranked, keep: least });
      const marks = rank(kv, layer, { ...ranked, keep: { jointly: Math.max(0, (slots - least) * kvHeads) }, further: true });
      const kept = list(kv, layer, marks, end);
      const read = new Uint32Array(await kv.read(kept.counts, 8 * kvHeads));
      const counts = Array.from({ length: kvHeads }, (_, head) => read[2 * head + 1]);
      await kv.makeRoom(set, counts);
      mergeNearest(kv, layer, marks, { end, by: 'count', least: alike });
      keepListed(kv, layer, kept);
      noteBiases(kv, layer, kept);
      kv.setCounts(set, counts);
    }
    kv.advance(end);
  },
};

export const policies = [policy];

/** The larger of what all queries paid and what the last ones did. */
function paid(kv: KvTick, layer: KvLayer): GPUBuffer {
  const all = indexed(kv, 'all');
  const scores = observe(kv, layer, { into: 'sum' });
  kv.copy({ buffer: scores, offset: 0 }, { buffer: all, offset: 0 }, 4 * layer.heads.kvHeads * mostSlots(kv));
  const { window } = kv.options;
  return larger(kv, layer, { all, last: observe(kv, layer, { into: 'mean', queries: window }) }, window);
}
