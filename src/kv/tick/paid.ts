// SnapKV's score of slots, which others take too: what the last `window` queries pay them, smoothed over neighbours (arXiv 2404.14469).
import { type KvLayer, type KvTick } from '../policy.ts';
import { observe } from './observe.ts';
import { smooth } from './rank.ts';

/** (kv head, index), f32; `kernel` of the options is how many neighbours are averaged. */
export const paidByWindow = (kv: KvTick, layer: KvLayer): GPUBuffer =>
  smooth(kv, layer, observe(kv, layer, { into: 'mean', queries: kv.plan.window }), kv.options.kernel);
