// The dispatch that notes of each new slot of a set which bucket its key is in (kv-bucket.wgsl), as the plane `cluster`, the only one.
import { bucketConsts } from '../hashed.ts';
import { type KvTick } from '../policy.ts';
import { groupsOf, longest } from './layer.ts';

/** Of the i-th layer, of all slots behind the first `before`. */
export function noteBuckets(kv: KvTick, i: number, before: number): void {
  const { layer, heads: { kvHeads, headDim }, lists, fresh: { format }, sets: [set] } = kv.layers[i];
  const slots = longest(set) - before;
  if (slots <= 0) return;
  const consts = bucketConsts(kv.plan.layers[layer][0].hashed!, headDim);
  kv.dispatch({
    label: `kv.${layer}.buckets`,
    kernel: { kernel: 'kv-bucket', files: [...format.read, 'kv/where/list', 'kv/hashed/planes'], consts },
    params: { kv_heads: kvHeads, head_vec4s: consts.HeadVec4s, set_index: 0, layer, before },
    bindings: { pages: set.pages, planes: set.planes!, lists },
    grid: [groupsOf(slots, 64), kvHeads],
  });
}
