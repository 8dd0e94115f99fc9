// After the prompt: the slots that its last queries look at, smoothed over neighbours, and those queries' own (SnapKV, arXiv 2404.14469). The heads
// of a group are averaged, as they share what is kept. A later question may ask for what the first did not.
import { type Policy } from '../../policy.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { paidByWindow } from '../../tick/paid.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'snapkv',
  /** `kernel`: how many neighbours are averaged. */
  options: { ...evictOptions, kernel: 5 },
  plan: (model, room, options) => planEvicting(model, room, options, { peak: 'prompt', planes: [], queries: options.window }),
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, slotsOf(kv), end),
      scores: () => ({ buffer: paidByWindow(kv, layer), type: 'f32' }),
    }));
  },
};

export const policies = [policy];
