// Slots at random, by a hash of their position, layer and head, and the last ones: what better policies are measured against.
import { type KvLayer, type KvTick, type Policy } from '../../policy.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { groupsOf, indexed, longest, mostSlots, planeOf } from '../../tick/layer.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'random',
  options: evictOptions,
  plan: (model, room, options) => planEvicting(model, room, { ...options, positions: 1 }, { peak: 'prompt', planes: [] }),
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    await evict(kv, end, (layer) => ({ keep: within(kv, layer.layer, slotsOf(kv), end), scores: () => ({ buffer: hashes(kv, layer, end), type: 'u32' }) }));
  },
};

export const policies = [policy];

/** (kv head, index), u32. */
function hashes(kv: KvTick, layer: KvLayer, end: number): GPUBuffer {
  const scores = indexed(kv, 'scores');
  const { layer: own, heads: { kvHeads }, sets: [set], lists } = layer;
  const fresh = end - kv.base;
  kv.dispatch({
    label: `kv.${own}.hash`, kernel: { kernel: 'kv-hash', files: ['kv/tick/candidates'] },
    params: {
      kv_heads: kvHeads, set_index: 0, fresh, most: mostSlots(kv), base: kv.base, layer: own,
      planes: kv.plan.planes.length, plane: planeOf(kv.plan, 'position'),
    },
    bindings: { scores, planes: set.planes!, lists }, grid: [groupsOf(longest(set) + fresh, 64), kvHeads],
  });
  return scores;
}
