// Everything stays, but the keys of a prompt, as they are before positions turn them, in low rank: what all heads of a layer have along the directions in which
// they are furthest from 0. A decoded token reads the runs whose mean keys its query would pay most, and those whose keys are least like their mean, which stay
// as they were (ShadowKV, arXiv 2410.21465). The directions are found anew at the end of every prompt.
import { RequestError } from '../../../errors.ts';
import { mostChannels } from '../../latents/source.ts';
import { type Policy } from '../../policy.ts';
import { type LowRank, runsBehind } from '../../shadow.ts';
import { endOf } from '../../tick/evict.ts';
import { appendAll } from '../../tick/move.ts';
import { pickNow } from '../../tick/pick-now.ts';
import { planReading, readOptions, runsOf } from '../../tick/read.ts';
import { sourceOf } from '../../tick/seal.ts';
import { decompose, followBasis, shadowKernels, shadowScratch } from '../../tick/shadow.ts';

const policy: Policy = {
  name: 'shadowkv',
  /** `rank`: latents of a slot of all heads together; `size`: slots of a run; `outliers`: runs that stay as they were, as a share; `lag`: as quest has it. */
  options: { ...readOptions, lag: 0, size: 8, rank: 128, outliers: 0.05 },
  plan(model, room, options) {
    const { rank, outliers, size, sinks } = options;
    sourceOf(room); // what is made again is put where fresh slots were moved to
    const unfit = model.heads.findIndex(({ kvHeads, headDim }, layer) => !model.windows[layer] && (headDim % 4 || kvHeads * headDim > mostChannels));
    if (unfit >= 0) {
      const { kvHeads, headDim } = model.heads[unfit];
      throw new RequestError(
        `kv is shadowkv, which decomposes the keys of a layer, of whole fours of numbers and ${mostChannels} at most; layer ${unfit} of this model has ` +
        `${kvHeads} heads of ${headDim}. Choose quest.`,
      );
    }
    const pick = (layer: number) => {
      const { kvHeads, headDim } = model.heads[layer];
      const lowRank: LowRank = { rank: Math.min(rank, kvHeads * headDim), outliers, slots: room.context, kvHeads };
      return { by: 'landmarks' as const, run: size, each: size, first: sinks, lowRank };
    };
    const runs = runsBehind({ first: sinks, each: size }, room.context);
    const more = { queries: 0, scratchBytes: shadowScratch(model, room.context, runs), kernels: shadowKernels(room.context) };
    return { ...planReading(model, room, options, pick, () => more), rewinds: undefined };
  },
  async tick(kv) {
    const { sinks, share, slots } = kv.options;
    const isKnown = kv.layers.some(({ sets: [set] }) => set.tails[0] > sinks);
    const before = kv.layers.map(({ sets: [set] }) => set.tails[0]);
    await appendAll(kv, endOf(kv));
    const runs = runsOf(kv, share, slots);
    for (const [i, layer] of kv.layers.entries()) {
      const [set] = layer.sets;
      const decomposes = kv.phase === 'prompt' && set.counts[0] > sinks;
      const follows = kv.phase === 'decode' && isKnown;
      if (decomposes) await decompose(kv, layer);
      else if (follows) followBasis(kv, layer, before[i]);
      kv.setPicks(set, set.counts.map(() => runs), decomposes || follows ? set.counts : set.tails);
    }
    pickNow(kv);
  },
};

export const policies = [policy];
