// The last positions alone: what better policies are measured against.
import { type Policy } from '../../policy.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'recent',
  options: evictOptions,
  plan: (model, room, options) => planEvicting(model, room, options, { peak: 'prompt', planes: [] }),
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    await evict(kv, end, ({ layer }) => ({ keep: within(kv, layer, slotsOf(kv), end) }));
  },
};

export const policies = [policy];
