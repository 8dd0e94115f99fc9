// SnapKV with as many slots in a layer as hold the same share of its attention in every layer, of which a bisection finds the largest (PrefixKV,
// arXiv 2412.03409). What the layers' scores are is read once, after the prompt.
import { type Policy } from '../../policy.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { mostSlots } from '../../tick/layer.ts';
import { paidByWindow } from '../../tick/paid.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';
import { sum } from '../../../sum.ts';

/** Of each layer what the best slots hold of its attention together, as a share of that of all: (slots). */
export function curveOf(heads: readonly ArrayLike<number>[]): number[] {
  const mean = Array.from(heads[0], (_, i) => heads.reduce((sum, row) => sum + row[i], 0) / heads.length).sort((a, b) => b - a);
  const all = Math.max(1e-30, mean.reduce((a, b) => a + b, 0));
  let sum = 0;
  return mean.map((score) => (sum += score / all));
}

/** Slots of each layer beside `window` others, `slots` of all on average. */
export function sharesOf(curves: readonly number[][], slots: number, window: number): number[] {
  const total = slots * curves.length;
  const reach = (share: number) => curves.map((curve) => window + Math.min(curve.filter((held) => held < share).length + 1, curve.length));
  let [low, high] = [0, 1];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (sum(reach(middle)) <= total) low = middle;
    else high = middle;
  }
  const counts = reach(low);
  const rest = total - sum(counts);
  return counts.map((count, layer) => count + Math.floor(rest / counts.length) + (layer < rest % counts.length ? 1 : 0));
}

const policy: Policy = {
  name: 'prefixkv',
  options: { ...evictOptions, kernel: 5 },
  plan(model, room, options) {
    // A layer may turn out to need all that the layers have together.
    const shaped = model.windows.filter((window) => !window).length;
    return planEvicting(model, room, options, { peak: 'prompt', planes: [], queries: options.window }, (slots) => () => slots * shaped);
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    const curves: number[][] = [];
    for (const layer of kv.layers) {
      const { kvHeads } = layer.heads;
      const most = mostSlots(kv);
      const all = new Float32Array(await kv.read(paidByWindow(kv, layer), 4 * kvHeads * most));
      curves.push(curveOf(Array.from({ length: kvHeads }, (_, head) => all.subarray(head * most, head * most + layer.sets[0].counts[head] + end - kv.base))));
    }
    const counts = sharesOf(curves, slotsOf(kv), kv.length - end);
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, counts[kv.layers.indexOf(layer)], end), scores: () => ({ buffer: paidByWindow(kv, layer), type: 'f32' }),
    }));
  },
};

export const policies = [policy];
