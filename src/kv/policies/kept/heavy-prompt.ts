// H2O's score once, after a prompt that saw all of itself: what its queries paid to each slot together.
import { type Policy } from '../../policy.ts';
import { betweenTicks } from '../../set-bytes.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { observe } from '../../tick/observe.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'heavy-prompt',
  options: { ...evictOptions, chunk: 128 },
  plan(model, room, options) {
    const { chunk, interval } = options;
    return planEvicting(model, room, options, { peak: 'prompt', planes: ['acc'], notes: 'prompts', chunk, queries: betweenTicks(chunk, interval) });
  },
  async tick(kv) {
    if (kv.phase === 'decode') return;
    if (kv.phase === 'chunk') return void kv.layers.forEach((layer) => observe(kv, layer, { into: 'sum' }));
    const end = endOf(kv);
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, slotsOf(kv), end),
      scores: () => ({ buffer: observe(kv, layer, { into: 'sum' }), type: 'f32' }),
    }));
  },
};

export const policies = [policy];
