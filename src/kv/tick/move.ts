// Dispatches by which what is listed becomes a set: kv-compact.wgsl, kv-move.wgsl.
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, mostSlots, ringsOf, slotWords } from './layer.ts';
import { type Kept } from './rank.ts';

/** Where no word becomes the position. */
const none = 0xffffffff;

/**
 * The slots that are listed become the first set of a layer, in their order, with what their planes say. Set and fresh slots have one
 * format, of slots that are packed each by itself. Counts are the caller's to say.
 */
export function keepListed(kv: KvTick, layer: KvLayer, { kept, counts, fresh }: Kept): void {
  const { heads: { kvHeads, headDim }, sets: [set] } = layer;
  if (set.format.name !== layer.fresh.format.name)
    throw new Error(`Slots of ${layer.fresh.format.name} are to be moved as they are into a set of ${set.format.name}.`);
  const shared = { kv_heads: kvHeads, set_index: 0, most: mostSlots(kv) };
  const bindings = { kept, kept_counts: counts, lists: layer.lists };
  const parts = [
    { files: ['kv/tick/words', 'kv/where/list'], to: set.pages, from: layer.fresh.pages, words: slotWords(layer.fresh.format, headDim), position: none },
    ...(set.planes && layer.fresh.planes
      ? [{
        files: ['kv/tick/words-of-planes', 'kv/where/list'], to: set.planes, from: layer.fresh.planes,
        words: { slot_words: kv.plan.planes.length, unit_words: 1 }, position: kv.plan.planes.includes('position') ? kv.plan.planes.indexOf('position') : none,
      }]
      : []),
  ];
  for (const { files, to, from, words, position } of parts) {
    const lanes = groupsOf(words.slot_words, 8);
    kv.dispatch({
      label: `kv.${layer.layer}.compact`,
      kernel: { kernel: 'kv-compact', files },
      params: { ...shared, ...words },
      bindings: { ...bindings, pages: to },
      grid: [kvHeads, lanes],
    });
    if (fresh === 0) continue;
    kv.dispatch({
      label: `kv.${layer.layer}.move`,
      kernel: { kernel: 'kv-move', files },
      params: { ...shared, ...words, base: kv.base, rings: ringsOf(layer), position },
      bindings: { ...bindings, pages: to, fresh: from },
      grid: [groupsOf(fresh, 32), kvHeads, lanes],
    });
  }
}
