// After the prompt two layers each, from the share `start` of all on, have one direction for both of a slot's key, and of its value, with a length of their
// own; the slots whose two are furthest apart stay as they are, with the last ones (MiniCache, arXiv 2405.14366). For deep models, whose layers are alike.
import { RequestError } from '../../../errors.ts';
import { sharedFormat } from '../../formats/sealed/shared.ts';
import { checkOption, checkOptions } from '../../options.ts';
import { type KvLayer, type KvPlan, type KvTick, type Policy, type PolicyModel } from '../../policy.ts';
import { inPages } from '../../set-bytes.ts';
import { endOf } from '../../tick/evict.ts';
import { keepListed } from '../../tick/move.ts';
import { list, rank } from '../../tick/rank.ts';
import { kernelsFor, scratchBytes, withPositions } from '../../tick/room.ts';
import { type Pair, angles, share } from '../../tick/share.ts';

/** Pairs of layers, one behind the other, of like heads and without a window; the last two at least. */
function pairsOf({ heads, windows }: PolicyModel, start: number): [number, number][] {
  const first = Math.min(Math.ceil(start * heads.length), heads.length - 2);
  const alike = (layer: number) => heads[layer].kvHeads === heads[layer + 1].kvHeads && heads[layer].headDim === heads[layer + 1].headDim;
  return heads.flatMap((_, layer): [number, number][] =>
    layer >= first && (layer - first) % 2 === 0 && layer + 1 < heads.length && alike(layer) && !windows[layer] && !windows[layer + 1]
      ? [[layer, layer + 1]]
      : []);
}

const policy: Policy = {
  name: 'minicache',
  /** `start`: the share of the layers that are left alone, the lowest, but for two; `retain`: the share of a pair's slots that stay as they are. */
  options: { start: 0.8, retain: 0.05, window: 32, interval: 32, positions: 0 },
  plan(model, room, options) {
    checkOptions(options, room.context);
    const { start, retain, window, interval } = options;
    for (const [name, value] of Object.entries({ start, retain })) checkOption(name, value, { least: 0, most: 1, fractions: true });
    const pairs = pairsOf(model, start);
    if (!pairs.length) {
      const wayOut = pairsOf(model, 0).length ? 'Lower start.' : 'The model has no two that are, without windows: choose another kv.';
      throw new RequestError(`kv is minicache, but from ${start} of ${model.heads.length} layers on no two neighbours are alike. ${wayOut}`);
    }
    const numbers = room.format.name === 'f32' ? 'f32' : 'f16';
    const plan: Omit<KvPlan, 'layers'> = { peak: 'prompt', window, interval, planes: withPositions([], options), kernels: kernelsFor(model) };
    // All slots that stay as they are may be of one head.
    const together = (kvHeads: number) => Math.ceil(retain * kvHeads * room.context);
    const own = (kvHeads: number) => inPages(Math.min(room.context, together(kvHeads)));
    const layers = model.heads.map(({ kvHeads, headDim }, layer) => {
      const place = pairs.findIndex((pair) => pair.includes(layer));
      if (place < 0) return [];
      const each = (slots: number) => new Array<number>(kvHeads).fill(slots);
      const [first] = pairs[place];
      const shared = sharedFormat(numbers, layer === first ? 'first' : 'second', headDim);
      return [
        { format: room.format, mostSlots: each(own(kvHeads)), mostTogether: together(kvHeads) },
        { format: shared, mostSlots: each(room.context), bare: true as const, ...(layer !== first && { beside: first }) },
      ];
    });
    const most = Math.max(...layers.map((sets) => sets[0]?.mostSlots[0] ?? 0));
    return { ...plan, layers, scratchBytes: scratchBytes(model, room, plan, most, { lists: 3 }) };
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    for (let i = 0; i < kv.layers.length; i += 2) await shareSlots(kv, [kv.layers[i], kv.layers[i + 1]], end);
    kv.advance(end);
  },
};

async function shareSlots(kv: KvTick, [first, second]: [KvLayer, KvLayer], end: number): Promise<void> {
  const { kvHeads } = first.heads;
  const before = first.sets[0].counts;
  const jointly = before.reduce((sum, count) => sum + count, 0) + Math.floor(kv.options.retain * kvHeads * (end - kv.base));
  const marks = rank(kv, first, { scores: { buffer: angles(kv, [first, second], end), type: 'f32' }, end, keep: { jointly } });
  const own = list(kv, first, marks, end);
  const others = list(kv, first, marks, end, 0);
  const read = new Uint32Array(await kv.read(own.counts, 8 * kvHeads));
  const counts = before.map((_, head) => read[2 * head + 1]);
  const shared = first.sets[1].counts.map((count, head) => count + before[head] + end - kv.base - counts[head]);
  const pairs: readonly (readonly [Pair, 'first' | 'second'])[] = [[[first, second], 'first'], [[second, first], 'second']];
  for (const [[layer]] of pairs) {
    await kv.makeRoom(layer.sets[0], counts);
    await kv.makeRoom(layer.sets[1], shared);
  }
  for (const [pair, which] of pairs) share(kv, pair, which, others);
  for (const [[layer]] of pairs) {
    keepListed(kv, layer, own);
    kv.setCounts(layer.sets[0], counts);
    kv.setCounts(layer.sets[1], shared);
  }
}

export const policies = [policy];
