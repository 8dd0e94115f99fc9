// Everything stays, and a decoded token reads the chunks of slots whose keys may give its query the largest product, as quest does; but chunks are small in
// layers that look at little and large in those that look around, as a prompt's last queries tell, and are looked for in the coarse runs that are best alone
// (LeoAM, arXiv 2506.20187).
import { type KvTick, type Policy } from '../../policy.ts';
import { coarseSlots, sizeAt } from '../../pick.ts';
import { mostSlots, queriesOf } from '../../tick/layer.ts';
import { observe } from '../../tick/observe.ts';
import { pickNow } from '../../tick/pick-now.ts';
import { appendWithBounds, chosenOf, lagOptions, planReading, readOptions } from '../../tick/read.ts';
import { scratchBytes } from '../../tick/room.ts';

/** Slots of a chunk: in the third of the layers that looks at least of all slots, say, 8. */
const sizes = [32, 16, 8];
/** Slots of a run, of which chunks are made. */
const run = 8;
/** The part of the slots whose share of attention tells how skewed a layer is. */
const few = 0.05;

/** What the best few slots are paid of all, of `paid` by (kv head, slot) of those behind the first, and `slots` in all. */
export function skewOf(paid: readonly ArrayLike<number>[], slots: number): number {
  const mean = Array.from(paid[0], (_, i) => paid.reduce((sum, row) => sum + row[i], 0) / paid.length).sort((a, b) => b - a);
  return mean.slice(0, Math.max(1, Math.floor(few * slots))).reduce((a, b) => a + b, 0);
}

/** Of each layer the slots of a chunk: the more skewed, the fewer; of equals the first layer has more. */
export function chunksOf(skews: readonly number[]): number[] {
  const order = [...skews.keys()].sort((a, b) => skews[a] - skews[b] || a - b);
  return skews.map((_, layer) => sizeAt(sizes, order.indexOf(layer), skews.length));
}

const policy: Policy = {
  name: 'leoam',
  options: { ...readOptions, ...lagOptions },
  plan(model, room, options) {
    const pick = { by: 'levels' as const, run, each: sizes[0], sizes, first: options.sinks };
    const observes = (plan: ReturnType<typeof planReading>) => scratchBytes(model, room, { ...plan, queries: options.window }, room.context, { lists: 0 });
    return planReading(model, room, options, () => pick, (plan) => ({ queries: options.window, scratchBytes: observes(plan), kernels: 12 }));
  },
  async tick(kv) {
    const { share, slots } = kv.options;
    await appendWithBounds(kv, kv.phase === 'prompt' && queriesOf(kv, kv.options.window) ? await chunksNow(kv) : undefined);
    const opened = (slots ? slots / kv.promptLength : share) * 2;
    for (const { sets: [set] } of kv.layers) {
      const chunk = set.size ?? sizes[0];
      const runs = (Math.max(1, Math.floor(chosenOf(kv, share, slots) / chunk)) * chunk) / run;
      const candidates = Math.max(0, set.counts[0] - kv.options.sinks);
      kv.setPicks(set, set.counts.map(() => runs), set.counts, Math.ceil(opened * Math.ceil(candidates / coarseSlots)));
    }
    pickNow(kv);
  },
};

/** By what the last queries of a prompt pay. */
async function chunksNow(kv: KvTick): Promise<number[]> {
  const skews: number[] = [];
  const most = mostSlots(kv);
  for (const layer of kv.layers) {
    const { kvHeads } = layer.heads;
    const { sinks, window } = kv.options;
    const paid = new Float32Array(await kv.read(observe(kv, await kv.whole(layer), { into: 'mean', queries: window }), 4 * kvHeads * most));
    const end = Math.max(sinks + 1, kv.length);
    skews.push(skewOf(Array.from({ length: kvHeads }, (_, head) => paid.subarray(head * most + sinks, head * most + end)), kv.length));
  }
  return chunksOf(skews);
}

export const policies = [policy];
