// Head classes: the heads that look far back keep everything, the others the first positions and the last ones (DuoAttention, arXiv 2410.10819, by
// scores that need no training), as new keys and values are, or with what they keep in few bits (KIVI, arXiv 2402.02750), page by page; or the others have one
// slot more for all that they dropped (RazorAttention, arXiv 2407.15891).
import { affineFormats } from '../../formats/affine.ts';
import { pageSlots } from '../../formats/format.ts';
import { checkOption, checkOptions } from '../../options.ts';
import { type KvPlan, type KvTick, type Plane, type Policy, type PolicyModel, type PolicyRoom, type SetPlan } from '../../policy.ts';
import { inPages } from '../../set-bytes.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { highest, scoresOf } from '../../tick/head-classes.ts';
import { mergeInto, noteBiases } from '../../tick/merge.ts';
import { keepListed } from '../../tick/move.ts';
import { list, rank } from '../../tick/rank.ts';
import { kernelsFor, scratchBytes, withPositions } from '../../tick/room.ts';
import { sealListed } from '../../tick/seal.ts';

/** `share`: of the heads that keep everything; `recent`: last positions that the others keep; `chunk`: tokens of a prompt between ticks. */
const options = { share: 0.25, sinks: 4, recent: 128, window: 32, interval: 32, chunk: 128, positions: 0 };

interface DuoPlan extends KvPlan {
  /** (layer, kv head): whether it keeps everything. */
  full: boolean[][];
}

/** `other`: the format of pages that the heads seal that keep everything, who have the first set for what is no whole page yet; none: for all of it. */
function planOf(
  name: string, model: PolicyModel, room: PolicyRoom, given: Readonly<Record<string, number>>, other?: SetPlan['format'], planes: readonly Plane[] = [],
): DuoPlan {
  checkOptions(given, room.context);
  checkOption('recent', given.recent, { least: given.window, most: room.context });
  const full = highest(scoresOf(model, name), given.share);
  const some = Math.min(room.context, inPages(given.sinks + given.recent + 1));
  const planned = (layer: number): SetPlan[] => [
    { format: room.format, mostSlots: full[layer].map((all) => (all && other ? pageSlots : all ? room.context : some)) },
    ...(other ? [{ format: other, mostSlots: full[layer].map((all) => (all ? room.context : 0)) }] : []),
  ];
  const plan = { peak: 'bounded' as const, window: given.window, interval: given.interval, chunk: given.chunk, planes: withPositions(planes, given) };
  const kernels = kernelsFor(model);
  return {
    ...plan, full, kernels, scratchBytes: scratchBytes(model, room, plan, other ? some : room.context, { lists: other ? 3 : 2 }),
    layers: model.heads.map((_, layer) => (model.windows[layer] ? [] : planned(layer))),
  };
}

/** Slots of each head of a layer that stay of those before `end`, of heads that keep everything `end`, or `rest` of them; of others so many more. */
function keeps({ plan, options: { sinks, recent }, length }: KvTick, layer: number, end: number, { more = 0, rest = end } = {}): number[] {
  return (plan as DuoPlan).full[layer].map((all) => (all ? rest : sinks + more + recent - (length - end)));
}

const duo: Policy = {
  name: 'duo',
  readsHeads: 'always',
  options,
  plan: (model, room, given) => planOf('duo', model, room, given),
  async tick(kv) {
    const end = endOf(kv);
    await evict(kv, end, ({ layer }) => ({ keep: keeps(kv, layer, end), first: kv.options.sinks }));
  },
};

/** Each head that does not keep everything has one slot more: the mean of all that it dropped, which counts as many tokens. */
const razor: Policy = {
  name: 'razor',
  readsHeads: 'always',
  options,
  plan: (model, room, given) => planOf('razor', model, room, given, undefined, ['bias']),
  async tick(kv) {
    const end = endOf(kv);
    const { sinks } = kv.options;
    await evict(kv, end, (layer) => ({
      keep: keeps(kv, layer.layer, end, { more: 1 }), first: sinks + 1,
      merge(marks) {
        mergeInto(kv, layer, marks, end, sinks);
        return (kept) => noteBiases(kv, layer, kept, sinks);
      },
    }));
  },
};

const bits = [4, 3, 2];

/** Pages are sealed as wholes; heads that keep everything have those of a page that is none yet in the first set. */
const sealing = (many: number): Policy => {
  const name = many === 4 ? 'duo-kivi' : `duo-kivi${many}`;
  const format = affineFormats.get(`q${many}c`)!;
  return {
    name,
    readsHeads: 'always',
    options,
    plan: (model, room, given) => planOf(name, model, room, given, format),
    async tick(kv) {
      const end = endOf(kv);
      const rest = end % pageSlots;
      for (const layer of kv.layers) {
        const [own, codes] = layer.sets;
        const full = (kv.plan as DuoPlan).full[layer.layer];
        const keep = keeps(kv, layer.layer, end, { rest });
        const sealed = full.map((all, head) => (all ? end - rest - codes.counts[head] : 0));
        const counts = own.counts.map((count, head) => (full[head] ? rest : Math.min(keep[head], count + end - kv.base)));
        await kv.makeRoom(own, counts);
        await kv.makeRoom(codes, codes.counts.map((count, head) => count + sealed[head]));
        const marks = rank(kv, layer, { end, keep, first: full.map((all) => (all ? 0 : kv.options.sinks)) });
        rank(kv, layer, { end, keep: sealed, mark: 2, further: true });
        sealListed(kv, layer, 1, format, { kept: list(kv, layer, marks, end, 2), count: sealed });
        keepListed(kv, layer, list(kv, layer, marks, end));
        kv.setCounts(own, counts);
      }
      kv.advance(end);
    },
  };
};

export const policies = [duo, razor, ...bits.map(sealing)];
