// SnapKV with more slots in lower layers and fewer in upper ones, falling evenly (PyramidKV, arXiv 2406.02069).
import { type Policy } from '../../policy.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { paidByWindow } from '../../tick/paid.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

/** Slots of a head in each of `layers` layers, of `slots` on average: the last has no fewer than `window`, and than a part of `beta`. */
export function pyramid(layers: number, slots: number, window: number, beta: number): number[] {
  const least = Math.max(window, slots / beta);
  if (layers === 1) return [slots];
  const counts = Array.from({ length: layers }, (_, layer) => Math.floor(2 * slots - least + ((2 * least - 2 * slots) * layer) / (layers - 1)));
  counts[0] += slots * layers - counts.reduce((a, b) => a + b, 0);
  return counts;
}

const policy: Policy = {
  name: 'pyramidkv',
  options: { ...evictOptions, kernel: 5, beta: 8 },
  plan(model, room, options) {
    const shaped = model.windows.flatMap((window, layer) => (window ? [] : [layer]));
    return planEvicting(model, room, options, { peak: 'prompt', planes: [], queries: options.window }, (slots) => {
      const counts = pyramid(shaped.length, slots, options.window, options.beta);
      return (layer) => counts[shaped.indexOf(layer)];
    });
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    const counts = pyramid(kv.layers.length, slotsOf(kv), kv.plan.window, kv.options.beta);
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, counts[kv.layers.indexOf(layer)], end),
      scores: () => ({ buffer: paidByWindow(kv, layer), type: 'f32' }),
    }));
  },
};

export const policies = [policy];
