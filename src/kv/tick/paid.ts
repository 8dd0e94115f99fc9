// SnapKV's score of slots, which others take too: what the last queries pay them, smoothed over neighbours (arXiv 2404.14469).
import { type KvLayer, type KvTick } from '../policy.ts';
import { observe } from './observe.ts';
import { smooth } from './rank.ts';

/** (kv head, index), f32; of so many `queries`. `kernel` of the options is how many neighbours are averaged. */
export const paidByLast = (kv: KvTick, layer: KvLayer, queries: number): GPUBuffer =>
  smooth(kv, layer, observe(kv, layer, { into: 'mean', queries }), kv.options.kernel);

/** The same of those of the window. */
export const paidByWindow = (kv: KvTick, layer: KvLayer): GPUBuffer => paidByLast(kv, layer, kv.plan.window);
