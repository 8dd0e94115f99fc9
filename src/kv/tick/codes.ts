// Dispatches that give the keys of a set codes: kv-metric.wgsl, kv-centroids.wgsl, kv-codes.wgsl.
import { centroids, codeConsts, codeFiles, codeWords } from '../codes.ts';
import { pickedSet } from '../pick.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, longest, queriesOf } from './layer.ts';

/** What kernels that read keys and codes have in common. */
function common(kv: KvTick, { layer, heads: { kvHeads, headDim }, turn, lists, books, fresh: { format }, sets: [set] }: KvLayer) {
  return {
    files: [`kv/${format.name}`, 'kv/page/read', 'kv/where/list', ...codeFiles], consts: codeConsts(pickedSet(kv.plan.layers[layer])!.pick, headDim, turn),
    params: { kv_heads: kvHeads, set_index: 0 }, bindings: { pages: set.pages, summaries: set.summaries!, books: books!, lists, angles: kv.angles! },
  };
}

/** The slots of a layer's set from `before` on have the codes of what is nearest. */
export function noteCodes(kv: KvTick, layer: KvLayer, before: number): void {
  const { first, parts } = pickedSet(kv.plan.layers[layer.layer])!.pick;
  const from = Math.max(first, before);
  const slots = longest(layer.sets[0]) - from;
  if (slots <= 0) return;
  const { files, consts, params, bindings } = common(kv, layer);
  kv.dispatch({
    label: `kv.${layer.layer}.codes`, kernel: { kernel: 'kv-codes', files, consts }, params: { ...params, before: from }, bindings,
    grid: [groupsOf(slots, 64), layer.heads.kvHeads, codeWords({ parts })],
  });
}

/** Centroids for the keys of a layer's set, by k-means in the metric of its last `queries` queries, begun at slots that lie evenly; then codes of all. */
export function findCodes(kv: KvTick, layer: KvLayer, { queries, rounds }: { queries: number; rounds: number }): void {
  const { heads: { kvHeads, headDim }, queryHeads, books } = layer;
  const { parts = 1 } = pickedSet(kv.plan.layers[layer.layer])!.pick;
  const { files, consts, params, bindings } = common(kv, layer);
  kv.dispatch({
    label: `kv.${layer.layer}.metric`,
    kernel: { kernel: 'kv-metric', files: codeFiles, consts: { ...consts, Group: queryHeads / kvHeads } },
    params: { heads: queryHeads, rows: kv.plan.queries!, count: queriesOf(kv, queries), length: kv.length },
    bindings: { last_queries: layer.queries!, books: books!, angles: kv.angles! },
    grid: [parts, kvHeads],
  });
  for (let round = 0; round <= rounds; round++) {
    kv.dispatch({
      label: `kv.${layer.layer}.centroids`, kernel: { kernel: 'kv-centroids', files, consts }, params: { ...params, stage: Math.min(1, round) }, bindings,
      grid: [groupsOf(centroids * (headDim / 4), 64), kvHeads],
    });
    noteCodes(kv, layer, 0);
  }
}
