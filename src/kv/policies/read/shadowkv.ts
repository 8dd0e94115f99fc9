// Everything stays, but the keys of a prompt, as they are before positions turn them, in low rank: what all heads of a layer have along the directions in which
// they are furthest from 0. A decoded token reads the runs whose mean keys its query would pay most, and those whose keys are least like their mean, which stay
// as they were (ShadowKV, arXiv 2410.21465). The directions are found anew at the end of every prompt.
import { RequestError } from '../../../errors.ts';
import { mostChannels } from '../../latents/source.ts';
import { type KvLayer, type KvTick, type Policy } from '../../policy.ts';
import { type LowRank, runsBehind } from '../../shadow.ts';
import { endOf } from '../../tick/evict.ts';
import { appendAll } from '../../tick/move.ts';
import { pickNow } from '../../tick/pick-now.ts';
import { lagOptions, planReading, readOptions, runsOf } from '../../tick/read.ts';
import { sourceOf } from '../../tick/seal.ts';
import { decompose, followBasis, noteLandmarks, shadowKernels, shadowScratch, shadowWorker } from '../../tick/shadow.ts';

/** Whether so many keys tell in which directions others are too: of fewer the last ones are any, and what comes later would be lost along them. */
const isEnough = (slots: number, { rank }: LowRank): boolean => slots >= 2 * rank;

/**
 * Finds what there is to know of a layer's slots, from `before` on or of all; gives from which slot on all are read. Where pages are at home elsewhere, that is
 * none, as they could not be: until the first prompt has ended runs have landmarks, and their keys as they were.
 */
async function know(kv: KvTick, layer: KvLayer, before: number): Promise<ArrayLike<number>> {
  const { layer: index, sets: [set] } = layer;
  const { frames, pick } = kv.plan.layers[index][0];
  const isAway = frames !== undefined;
  if (kv.phase === 'prompt' && isEnough(set.counts[0] - kv.options.sinks, pick!.lowRank!)) await decompose(kv, layer);
  else if (set.isLow && (isAway || kv.phase === 'decode')) followBasis(kv, layer, before);
  else if (isAway) noteLandmarks(kv, layer, before);
  else return set.tails;
  return set.counts;
}

const policy: Policy = {
  name: 'shadowkv',
  /** `rank`: latents of a slot of all heads together; `size`: slots of a run; `outliers`: runs that stay as they were, as a share. */
  options: { ...readOptions, ...lagOptions, size: 8, rank: 128, outliers: 0.05 },
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
    const plan = { ...planReading(model, room, options, pick, () => more), workerBytes: shadowWorker(model) };
    return options.away ? plan : { ...plan, rewinds: undefined };
  },
  async tick(kv) {
    const { share, slots } = kv.options;
    const before = kv.layers.map(({ sets: [set] }) => set.tails[0]);
    await appendAll(kv, endOf(kv));
    const runs = runsOf(kv, share, slots);
    for (const [i, layer] of kv.layers.entries()) kv.setPicks(layer.sets[0], layer.sets[0].counts.map(() => runs), await know(kv, layer, before[i]));
    pickNow(kv);
  },
};

export const policies = [policy];
