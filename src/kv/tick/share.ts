// Dispatches by which two layers come to share slots: kv-angles.wgsl, kv-share.wgsl.
import { pageSlots } from '../formats/format.ts';
import { type SharedFormat } from '../formats/sealed/shared.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, indexed, longest, mostSlots } from './layer.ts';
import { type Kept } from './rank.ts';
import { sourceOf } from './seal.ts';

/** Two layers of as many heads, whose first sets have as many slots. */
export type Pair = readonly [KvLayer, KvLayer];

const ofPair = (kv: KvTick, [one, { fresh: { pages } }]: Pair) => {
  if (one.fresh.pages.size !== pages.size) throw new Error(`Layers that share slots have fresh pages of ${one.fresh.pages.size} and of ${pages.size} bytes.`);
  const { heads: { kvHeads, headDim } } = one;
  return {
    consts: { HeadVec4s: Math.ceil(headDim / 4) }, params: { kv_heads: kvHeads, head_dim: headDim, base: kv.base, most: mostSlots(kv) },
    bindings: { source: one.fresh.pages, other: pages, lists: one.lists },
  };
};

/** Scores of the slots before `end`, by index: the larger, the further the two layers' are apart; those of the first set are the largest. */
export function angles(kv: KvTick, pair: Pair, end: number): GPUBuffer {
  const [one] = pair;
  const { consts, params, bindings } = ofPair(kv, pair);
  const scores = indexed(kv, 'scores');
  kv.dispatch({
    label: `kv.${one.layer}.angles`,
    kernel: { kernel: 'kv-angles', files: [...sourceOf(one.fresh), 'kv/from/pair', 'kv/tick/candidates'], consts },
    params: { ...params, set_index: 0, fresh: end - kv.base }, bindings: { ...bindings, scores },
    grid: [groupsOf(longest(one.sets[0]) + end - kv.base, 64), one.heads.kvHeads],
  });
  return scores;
}

/** The listed fresh slots come behind those of set 1 of the first of two layers, or of the second, by the order in which they are given. */
export function share(kv: KvTick, pair: Pair, which: 'first' | 'second', { kept, counts, fresh }: Kept): void {
  const [{ layer, heads, sets: [, { format, pages }], fresh: own }, { sets: [, { pages: beside }] }] = pair;
  const { consts, params, bindings } = ofPair(kv, pair);
  const shared = format as SharedFormat;
  kv.dispatch({
    label: `kv.${layer}.share`,
    kernel: {
      kernel: 'kv-share', files: [...shared.put, ...sourceOf(own), 'kv/from/pair', 'kv/where/list'],
      consts: { ...shared.consts, ...consts }, constants: { First: which === 'first' ? 1 : 0 },
    },
    params: { ...params, set_index: 1 },
    bindings: { ...bindings, pages, kept, kept_counts: counts, ...(which === 'second' && { beside }) },
    grid: [groupsOf(fresh, pageSlots) + 1, heads.kvHeads],
  });
}
