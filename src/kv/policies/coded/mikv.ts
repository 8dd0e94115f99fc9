// After the prompt the slots that all its queries paid most stay as they are, with the last ones, and all others stay in few bits: nothing is forgotten (MiKV,
// arXiv 2402.18096). Keys are balanced by channel before they become codes, by what queries ask of it.
import { factoredFormats } from '../../formats/affine.ts';
import { checkOptions } from '../../options.ts';
import { type Policy } from '../../policy.ts';
import { betweenTicks, inPages } from '../../set-bytes.ts';
import { endOf } from '../../tick/evict.ts';
import { slotsBefore } from '../../tick/layer.ts';
import { keepListed } from '../../tick/move.ts';
import { observe } from '../../tick/observe.ts';
import { list, rank } from '../../tick/rank.ts';
import { kernelsFor, scratchBytes, setsOf } from '../../tick/room.ts';
import { sealListed } from '../../tick/seal.ts';

const formatOf = (bits: number) => factoredFormats.get(`q${bits}t-keys`)!;

const policy: Policy = {
  name: 'mikv',
  /** `hot`: the share of slots that stay as they are, the last ones among them; `bits`: of the others. */
  options: { hot: 0.1, bits: 4, window: 32, interval: 32, chunk: 128 },
  plan(model, room, options) {
    checkOptions(options, room.context);
    const { hot, bits, window, interval, chunk } = options;
    const slots = inPages(Math.ceil(hot * room.context));
    const queries = betweenTicks(chunk, interval);
    const plan = { peak: 'prompt' as const, window, interval, chunk, planes: ['acc' as const], notes: 'prompts' as const, queries };
    return {
      ...plan, kernels: kernelsFor(model), scratchBytes: scratchBytes(model, room, plan, slots),
      layers: setsOf(model, [{ format: room.format, slots }, { format: formatOf(bits), slots: room.context, bare: true }]),
    };
  },
  async tick(kv) {
    if (kv.phase === 'decode') return;
    if (kv.phase === 'chunk') return void kv.layers.forEach((layer) => observe(kv, layer, { into: 'sum' }));
    const end = endOf(kv);
    const { hot, bits, window } = kv.options;
    for (const layer of kv.layers) {
      const [own, others] = layer.sets;
      const all = slotsBefore(kv, layer, end);
      const kept = Math.min(all, Math.max(0, Math.ceil(hot * kv.promptLength) - (kv.length - end)));
      await kv.makeRoom(own, own.counts.map(() => kept));
      await kv.makeRoom(others, others.counts.map((count) => count + all - kept));
      const marks = rank(kv, layer, { scores: { buffer: observe(kv, layer, { into: 'sum' }), type: 'f32' }, end, keep: kept });
      sealListed(kv, layer, 1, formatOf(bits), { kept: list(kv, layer, marks, end, 0), count: all - kept }, Math.min(window, kv.plan.queries!));
      keepListed(kv, layer, list(kv, layer, marks, end));
      kv.setCounts(own, own.counts.map(() => kept));
    }
    kv.advance(end);
  },
};

export const policies = [policy];
