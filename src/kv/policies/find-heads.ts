// Keeps everything, and measures which heads look far back: of a text that repeats a random passage of `period` tokens, how much of its attention each
// head gives to the same token a passage before, and to what followed it there (the echo and induction heads of RazorAttention, arXiv 2407.15891).
import { pageSlots } from '../formats/format.ts';
import { checkOptions } from '../options.ts';
import { type KvPlan, type KvTick, type Policy } from '../policy.ts';
import { betweenTicks, oneSet } from '../set-bytes.ts';
import { echo } from '../tick/observe.ts';

export interface FindHeadsPlan extends KvPlan {
  /** (layer, kv head): the scores of the last prompt, of the head of its group that has most; empty before one has ended. */
  found: number[][];
}

const queryHeadsOf = ({ layers }: KvTick): number => layers.reduce((sum, { queryHeads }) => sum + queryHeads, 0);

const policy: Policy = {
  name: 'find-heads',
  unsaved: true,
  options: { period: 128, chunk: 128 },
  plan(model, { context, format }, options): FindHeadsPlan {
    const { config, heads } = model;
    checkOptions(options, context);
    const { chunk } = options;
    const interval = 256;
    const queries = betweenTicks(chunk, interval);
    return {
      peak: 'prompt', window: context, interval, chunk, queries, planes: [], found: [],
      // What is counted of heads twice: there, and where it is read.
      scratchBytes: 8 * 2 * queries * config.heads + 8 * config.heads * heads.length,
      layers: oneSet(model, format, () => pageSlots),
    };
  },
  async tick(kv) {
    if (kv.phase === 'decode') return;
    const count = queryHeadsOf(kv);
    const echoes = kv.scratch('echoes', 4 * count);
    if (kv.since === 0) kv.write(echoes, new Uint32Array(count));
    const firsts: number[] = [];
    kv.layers.reduce((first, { queryHeads }) => (firsts.push(first), first + queryHeads), 0);
    kv.layers.forEach((layer, i) => echo(kv, layer, { echoes, first: firsts[i], period: kv.options.period }));
    if (kv.phase !== 'prompt') return;
    const all = new Float32Array(await kv.read(echoes, 4 * count));
    const queries = Math.max(1, kv.length - kv.options.period);
    const { plan, layers } = kv;
    (plan as FindHeadsPlan).found = plan.layers.map((_, layer) => {
      const i = layers.findIndex((each) => each.layer === layer);
      if (i < 0) return [];
      const { heads: { kvHeads }, queryHeads } = layers[i];
      const group = queryHeads / kvHeads;
      return Array.from({ length: kvHeads }, (_, head) => Math.max(...all.subarray(firsts[i] + head * group, firsts[i] + (head + 1) * group)) / queries);
    });
  },
};

export const policies = [policy];
