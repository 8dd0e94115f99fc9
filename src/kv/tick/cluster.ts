// Dispatches that put the slots of a set into clusters of like keys: k-means on keys of length 1, begun at slots that lie evenly, so that it is the same
// on every GPU (kv-nearest.wgsl, kv-means.wgsl).
import { mostClusters } from '../pick.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, longest } from './layer.ts';

/** All slots of a layer's set behind the first; which cluster a slot is in becomes the plane `cluster`, the only one. */
export function cluster(kv: KvTick, { layer, heads: { kvHeads, headDim }, lists, fresh: { format }, sets: [set] }: KvLayer, rounds: number): void {
  const { each, first } = kv.plan.layers[layer][0].pick!;
  const vec4s = Math.ceil(headDim / 4);
  const slots = longest(set) - first;
  const files = [`kv/${format.name}`, 'kv/page/read', 'kv/where/list', 'kv/pick/clusters'];
  const kernel = { files, consts: { HeadVec4s: vec4s, Each: each, First: first, MostClusters: mostClusters } };
  const clusters = Math.min(mostClusters, Math.max(1, Math.floor(slots / each)));
  const params = { kv_heads: kvHeads, head_vec4s: vec4s, set_index: 0 };
  const bindings = { pages: set.pages, planes: set.planes!, summaries: set.summaries!, lists };
  const means = (stage: number) => kv.dispatch({
    label: `kv.${layer}.means`, kernel: { ...kernel, kernel: 'kv-means' }, params: { ...params, stage }, bindings,
    grid: [groupsOf(clusters * vec4s, 64), kvHeads],
  });
  const nearest = () => kv.dispatch({
    label: `kv.${layer}.nearest`, kernel: { ...kernel, kernel: 'kv-nearest' }, params, bindings, grid: [groupsOf(slots, 64), kvHeads],
  });
  means(0);
  for (let round = 0; round < rounds; round++) {
    nearest();
    means(1);
  }
  nearest();
  means(2);
}
