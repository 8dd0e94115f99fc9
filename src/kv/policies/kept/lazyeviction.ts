// Evictions that lag behind: a slot goes when it rests for longer, by its own rhythm, than others (LazyEviction, arXiv 2506.15969). What the abstract
// leaves open is read as shaders/kv/policies/tick/into-active.wgsl says.
import { type Policy } from '../../policy.ts';
import { betweenTicks } from '../../set-bytes.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { observe } from '../../tick/observe.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'lazyeviction',
  endless: 'within a budget',
  /** `alpha`: from which share of a query's attention on a slot is active. */
  options: { ...evictOptions, chunk: 128, alpha: 0.01 },
  plan(model, room, options) {
    const { chunk, interval } = options;
    return planEvicting(model, room, options, { peak: 'bounded', planes: ['last', 'mri'], chunk, queries: betweenTicks(chunk, interval) });
  },
  async tick(kv) {
    const end = endOf(kv);
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, slotsOf(kv), end),
      scores: () => ({ buffer: observe(kv, layer, { into: 'active', alpha: kv.options.alpha }), type: 'u32' }),
    }));
  },
};

export const policies = [policy];
