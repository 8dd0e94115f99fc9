// What the last queries pay most stays, more of it in layers whose attention is spread evenly, and what goes becomes a part of the slot that stays whose key
// is the most like its own, where they are alike enough for their head (D2O, arXiv 2406.13035; once after the prompt, where the paper goes on).
import { type Policy } from '../../policy.ts';
import { evict } from '../../tick/evict.ts';
import { mergeNearest } from '../../tick/merge.ts';
import { moments, observe } from '../../tick/observe.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

/** How many times the slots of other layers an even one has. */
const more = 1.5;

/** Slots of each layer, of `slots` on average, by how uneven its attention is; of two layers in the middle the lower tells what is even. */
export function countsOf(variances: readonly number[], slots: number): number[] {
  const median = [...variances].sort((a, b) => a - b)[Math.floor((variances.length - 1) / 2)];
  const factors = variances.map((variance) => (variance <= median ? more : 1));
  const base = (slots * variances.length) / factors.reduce((a, b) => a + b, 0);
  return factors.map((factor) => Math.floor(base * factor));
}

const policy: Policy = {
  name: 'd2o',
  /** `alike`: from which cosine on slots are merged, where the mean of their head is less. */
  options: { ...evictOptions, alike: 0 },
  // The last slots are merged into as well, so that none stays a fresh one.
  plan: (model, room, options) =>
    planEvicting(
      model, room, options, { peak: 'prompt', planes: [], queries: options.window, window: 0, buffers: 3, moments: true },
      (slots) => () => Math.ceil(more * slots),
    ),
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const { window, alike } = kv.options;
    const counts = countsOf((await moments(kv, window)).map(({ variance }) => variance), slotsOf(kv));
    const end = kv.length;
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, counts[kv.layers.indexOf(layer)], end), last: window,
      scores: () => ({ buffer: observe(kv, layer, { into: 'mean', queries: window }), type: 'f32' }),
      merge: (marks) => void mergeNearest(kv, layer, marks, { end, by: 'cosine', least: alike, byMean: true }),
    }));
  },
};

export const policies = [policy];
