// After the prompt slots stay in more or in fewer bits, by what those of its last queries pay them that see them (ZipCache, arXiv 2405.14256, whose further
// queries at random are not here): nothing is forgotten. Of either class whole pages are sealed; what is left over stays as it is, with the last slots.
import { factoredFormats } from '../../formats/affine.ts';
import { pageSlots } from '../../formats/format.ts';
import { checkOptions } from '../../options.ts';
import { type Policy } from '../../policy.ts';
import { inPages } from '../../set-bytes.ts';
import { endOf } from '../../tick/evict.ts';
import { slotsBefore } from '../../tick/layer.ts';
import { keepListed } from '../../tick/move.ts';
import { observe } from '../../tick/observe.ts';
import { list, rank } from '../../tick/rank.ts';
import { kernelsFor, scratchBytes, setsOf } from '../../tick/room.ts';
import { sealListed } from '../../tick/seal.ts';

const formatOf = (bits: number) => factoredFormats.get(`q${bits}c-values`)!;

/** Queries that tell which slots are salient. */
const probes = 64;
/** A slot that is left over of its class. */
const rest = 3;

const inWholePages = (slots: number): number => Math.floor(slots / pageSlots) * pageSlots;

const policy: Policy = {
  name: 'zipcache',
  /** `salient`: the share of slots that have `bits` bits; `fewer`: those of the others. */
  options: { salient: 0.6, bits: 4, fewer: 2, window: 32, interval: 32 },
  plan(model, room, options) {
    checkOptions(options, room.context);
    const { salient, bits, fewer, window, interval } = options;
    const slots = 2 * pageSlots;
    const plan = { peak: 'prompt' as const, window, interval, planes: [], queries: probes };
    return {
      ...plan, kernels: kernelsFor(model) + 8, scratchBytes: scratchBytes(model, room, plan, slots, { lists: 3, segments: 4 }),
      layers: setsOf(model, [
        { format: room.format, slots },
        { format: formatOf(bits), slots: inPages(Math.ceil(salient * room.context)) },
        { format: formatOf(fewer), slots: room.context },
      ]),
    };
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    const { salient, bits, fewer } = kv.options;
    for (const layer of kv.layers) {
      const [own, more, less] = layer.sets;
      const all = slotsBefore(kv, layer, end);
      const good = Math.min(Math.ceil(salient * all), kv.plan.layers[layer.layer][1].mostSlots[0] - more.counts[0]);
      const [high, low] = [inWholePages(good), inWholePages(all - good)];
      const counts = own.counts.map(() => all - high - low);
      await kv.makeRoom(own, counts);
      await kv.makeRoom(more, more.counts.map((count) => count + high));
      await kv.makeRoom(less, less.counts.map((count) => count + low));
      const marks = rank(kv, layer, { scores: { buffer: observe(kv, layer, { into: 'normalised', queries: probes }), type: 'f32' }, end, keep: good });
      sealListed(kv, layer, 1, formatOf(bits), { kept: list(kv, layer, marks, end, 1, { listed: high, beyond: rest }), count: high });
      sealListed(kv, layer, 2, formatOf(fewer), { kept: list(kv, layer, marks, end, 0, { listed: low, beyond: rest }), count: low });
      keepListed(kv, layer, list(kv, layer, marks, end, rest));
      kv.setCounts(own, counts);
    }
    kv.advance(end);
  },
};

export const policies = [policy];
