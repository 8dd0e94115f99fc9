// Every head the first positions and a span of the last ones that grows with the text, as far as it looks back (MoA, arXiv 2406.14909, whose search this is
// not: the span of a head is by the place of its score among all).
import { checkOption, checkOptions } from '../../options.ts';
import { type KvPlan, type Policy } from '../../policy.ts';
import { inPages } from '../../set-bytes.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { ranks, scoresOf } from '../../tick/head-classes.ts';
import { kernelsFor, scratchBytes, withPositions } from '../../tick/room.ts';

interface SpansPlan extends KvPlan {
  /** (layer, kv head): the share of all positions that a head has beside `least`. */
  shares: number[][];
}

const policy: Policy = {
  name: 'spans',
  readsHeads: 'always',
  /** A head keeps `least` positions and a share of all, from `low` to `high`. */
  options: { low: 0.1, high: 1, least: 64, sinks: 4, window: 32, interval: 32, positions: 0 },
  plan(model, room, options): SpansPlan {
    const { low, high, least, sinks, window, interval } = options;
    checkOptions(options, room.context);
    checkOption('high', high, { least: low, most: 1, fractions: true });
    const shares = ranks(scoresOf(model, 'spans')).map((row) => row.map((rank) => low + (high - low) * rank));
    const most = (share: number) => Math.min(room.context, inPages(sinks + least + Math.ceil(share * room.context)));
    const plan = { peak: 'prompt' as const, window, interval, planes: withPositions([], options) };
    return {
      ...plan, shares, kernels: kernelsFor(model), scratchBytes: scratchBytes(model, room, plan, room.context),
      layers: model.heads.map((_, layer) => (model.windows[layer] ? [] : [{ format: room.format, mostSlots: shares[layer].map(most) }])),
    };
  },
  async tick(kv) {
    if (kv.phase === 'chunk') return;
    const { least, sinks } = kv.options;
    const end = endOf(kv);
    const { shares } = kv.plan as SpansPlan;
    await evict(kv, end, ({ layer }) => ({
      keep: shares[layer].map((share) => sinks + Math.ceil(least + share * kv.length) - (kv.length - end)), first: sinks,
    }));
  },
};

export const policies = [policy];
