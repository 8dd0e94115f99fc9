// Dispatches by which keys lose channels: kv-channels.wgsl, and slots of a ring become those of a set that has fewer (kv-pack.wgsl).
import { type NarrowFormat } from '../formats/sealed/narrow.ts';
import { pageSlots } from '../formats/format.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, mostSlots, queriesOf } from './layer.ts';
import { compactListed, movePlanes } from './move.ts';
import { type Kept } from './rank.ts';
import { sourceOf } from './seal.ts';

const shared = (kv: KvTick, { heads: { kvHeads, headDim }, sets: [{ format }] }: KvLayer) => ({
  consts: { ...(format as NarrowFormat).consts, HeadVec4s: Math.ceil(headDim / 4) },
  params: { kv_heads: kvHeads, head_dim: headDim, set_index: 0, base: kv.base, most: mostSlots(kv) },
});

/** Says of each channel whether keys of a layer's first set have it, by the listed slots, all fresh ones, and the last `observed` queries. */
export function chooseChannels(kv: KvTick, layer: KvLayer, { kept, counts }: Kept, observed: number): void {
  const { consts, params } = shared(kv, layer);
  kv.dispatch({
    label: `kv.${layer.layer}.channels`,
    kernel: { kernel: 'kv-channels', files: [...sourceOf(layer.fresh), 'kv/from/newly', 'kv/where/before-list'], consts },
    params: { ...params, heads: layer.queryHeads, length: kv.length, queries: kv.plan.queries ?? 0, observed: queriesOf(kv, observed) },
    bindings: { source: layer.fresh.pages, kept, kept_counts: counts, last_queries: layer.queries!, lists: layer.lists },
    grid: [layer.heads.kvHeads],
  });
}

/** The listed slots become the first set of a layer, whose keys have fewer channels than fresh ones. Counts are the caller's to say. */
export function keepNarrow(kv: KvTick, layer: KvLayer, listed: Kept): void {
  const { kept, counts, fresh } = listed;
  const { consts, params } = shared(kv, layer);
  compactListed(kv, layer, listed);
  if (!fresh) return;
  kv.dispatch({
    label: `kv.${layer.layer}.narrow`,
    kernel: {
      kernel: 'kv-pack', files: [...(layer.sets[0].format as NarrowFormat).seal, ...sourceOf(layer.fresh), 'kv/from/newly', 'kv/where/list'], consts,
    },
    params: { ...params, first: 0, end: 0 },
    bindings: { source: layer.fresh.pages, kept, kept_counts: counts, pages: layer.sets[0].pages, lists: layer.lists },
    grid: [groupsOf(fresh, pageSlots) + 1, layer.heads.kvHeads],
  });
  movePlanes(kv, layer, listed);
}
