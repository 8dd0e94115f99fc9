// Heavy hitters in a stream: the slots that all queries so far have paid most, and as many of the last (H2O, arXiv 2306.14048). At ticks
// where the paper acts after every token.
import { type Policy } from '../../policy.ts';
import { betweenTicks } from '../../set-bytes.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { observe } from '../../tick/observe.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'h2o',
  endless: 'within a budget',
  /** `chunk`: tokens of a prompt between ticks. */
  options: { ...evictOptions, chunk: 128 },
  plan(model, room, options) {
    const { chunk, interval } = options;
    return planEvicting(model, room, options, { peak: 'bounded', planes: ['acc'], chunk, queries: betweenTicks(chunk, interval) });
  },
  async tick(kv) {
    const end = endOf(kv);
    const slots = slotsOf(kv);
    const last = Math.max(0, Math.floor(slots / 2) - (kv.length - end));
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, slots, end), last,
      scores: () => ({ buffer: observe(kv, layer, { into: 'sum' }), type: 'f32' }),
    }));
  },
};

export const policies = [policy];
