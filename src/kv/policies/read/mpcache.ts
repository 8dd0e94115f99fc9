// Twice less: after the prompt the slots stay that its last queries look at, and of these a decoded token reads the runs whose keys may give it the largest
// product, chosen in every second layer for the next one too (MPCache, arXiv 2501.06807, without its secure computing).
import { checkRunSize } from '../../options.ts';
import { type Policy } from '../../policy.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { paidByLast } from '../../tick/paid.ts';
import { noteBounds, readRuns, runsOf } from '../../tick/read.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'mpcache',
  /** `share`: of the prompt, what stays; `read`: of the prompt, what a token reads; `observed`: last queries; `kernel`: neighbours that are averaged. */
  options: { ...evictOptions, share: 0.5, read: 0.25, observed: 32, kernel: 5, size: 16, sinks: 4 },
  plan(model, room, options) {
    const { size, sinks, observed } = options;
    checkRunSize(size);
    const shaped = model.windows.flatMap((window, layer) => (window ? [] : [layer]));
    const chooser = (layer: number) => {
      const first = shaped[2 * Math.floor(shaped.indexOf(layer) / 2)];
      return model.heads[first].kvHeads === model.heads[layer].kvHeads ? first : layer;
    };
    return planEvicting(model, room, options, {
      peak: 'prompt', planes: [], queries: observed, pick: (layer) => ({ by: 'bounds', run: size, each: size, first: sinks, of: chooser(layer) }),
    });
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    const { observed, read } = kv.options;
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, slotsOf(kv), end), last: Math.max(0, observed - (kv.length - end)),
      scores: () => ({ buffer: paidByLast(kv, layer, observed), type: 'f32' }),
    }));
    kv.layers.forEach((_, i) => noteBounds(kv, i, 0));
    readRuns(kv, runsOf(kv, read));
  },
};

export const policies = [policy];
