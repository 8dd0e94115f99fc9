// Three states within as many bytes for every head: after the prompt the slots that its last queries look at most stay as they are, the next ones in few
// bits, the others go. Layers whose attention is the more concentrated keep more as it is (ARKV; its abstract leaves the formula open, this is one reading).
import { affineFormats } from '../../formats/affine.ts';
import { pageSlots } from '../../formats/format.ts';
import { type Policy } from '../../policy.ts';
import { endOf } from '../../tick/evict.ts';
import { slotsBefore } from '../../tick/layer.ts';
import { keepListed } from '../../tick/move.ts';
import { type Moments, moments } from '../../tick/observe.ts';
import { paidByWindow } from '../../tick/paid.ts';
import { list, rank } from '../../tick/rank.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';
import { sealListed } from '../../tick/seal.ts';

const formatOf = (bits: number) => affineFormats.get(`q${bits}t`)!;

/** The least share of its bytes that a layer has for slots as they are, and what its concentration adds at most. */
const [least, more] = [0.1, 0.5];

const ascending = (numbers: readonly number[]): number[] => {
  const order = numbers.map((_, layer) => layer).sort((a, b) => numbers[a] - numbers[b] || a - b);
  return numbers.map((_, layer) => order.indexOf(layer));
};

/** Of each layer the share of its bytes for slots as they are, by its rank among all: low entropy, high variance, high kurtosis. */
export function sharesOf(layers: readonly Moments[]): number[] {
  const ranks = [layers.map(({ entropy }) => -entropy), layers.map(({ variance }) => variance), layers.map(({ kurtosis }) => kurtosis)].map(ascending);
  const mean = (layer: number) => ranks.reduce((sum, rank) => sum + rank[layer], 0) / ranks.length;
  return layers.map((_, layer) => least + (more * mean(layer)) / Math.max(1, layers.length - 1));
}

/** Bytes of a slot in 16 bits, and of one in codes. */
const slotBytes = (headDim: number, bits: number): [number, number] => [4 * headDim, (4 * formatOf(bits).words(headDim)) / pageSlots];

const policy: Policy = {
  name: 'arkv',
  /** `share`: bytes that are kept, as a share of those of the prompt in 16 bits; `bits`: of codes. */
  options: { ...evictOptions, kernel: 5, bits: 4 },
  plan(model, room, options) {
    const ofCodes = (slots: number, layer: number) => {
      const [whole, code] = slotBytes(model.heads[layer].headDim, options.bits);
      return Math.ceil(((1 - least) * slots * whole) / code);
    };
    const spread = (slots: number) => () => Math.ceil((least + more) * slots);
    const codes = { format: formatOf, slots: ofCodes };
    return planEvicting(model, room, options, { peak: 'prompt', planes: [], queries: options.window, moments: true, codes }, spread);
  },
  async tick(kv) {
    if (kv.phase !== 'prompt') return;
    const end = endOf(kv);
    const slots = slotsOf(kv);
    const shares = sharesOf(await moments(kv, kv.plan.window));
    for (const [i, layer] of kv.layers.entries()) {
      const [own, codes] = layer.sets;
      const all = slotsBefore(kv, layer, end);
      const [whole, code] = slotBytes(layer.heads.headDim, kv.options.bits);
      const wanted = Math.max(kv.length - end, Math.floor(shares[i] * slots));
      const kept = Math.min(all, within(kv, layer.layer, wanted, end));
      const room = Math.min(kv.plan.layers[layer.layer][1].mostSlots[0], Math.floor(((slots - wanted) * whole) / code));
      const sealed = Math.max(0, Math.min(all - kept, room - codes.counts[0]));
      await kv.makeRoom(own, own.counts.map(() => kept));
      await kv.makeRoom(codes, codes.counts.map((count) => count + sealed));
      const scores = { buffer: paidByWindow(kv, layer), type: 'f32' as const };
      const marks = rank(kv, layer, { scores, end, keep: kept });
      rank(kv, layer, { scores, end, keep: sealed, mark: 2, further: true });
      sealListed(kv, layer, 1, formatOf(kv.options.bits), { kept: list(kv, layer, marks, end, 2), count: sealed });
      keepListed(kv, layer, list(kv, layer, marks, end));
      kv.setCounts(own, own.counts.map(() => kept));
    }
    kv.advance(end);
  },
};

export const policies = [policy];
