// Everything stays, and an answer reads everything. The steps of a long prompt read of what is older than themselves a part: the first slots, the block of
// slots whose keys fall into the bucket of the query, or into those beside it, by a hash of angles, and of all others a sample, each of which stands for those
// that it was drawn from (HyperAttention, arXiv 2310.05869). What a step reads is exact as long as there are fewer than `from` older slots. An experiment: see
// docs/kv.md for what it costs.
import { checkOption, checkOptions } from '../../options.ts';
import { mostBlocks } from '../../hashed.ts';
import { type Policy } from '../../policy.ts';
import { oneSet } from '../../set-bytes.ts';
import { noteBuckets } from '../../tick/buckets.ts';
import { endOf } from '../../tick/evict.ts';
import { appendAll } from '../../tick/move.ts';

const policy: Policy = {
  name: 'hyper',
  options: {
    /** Slots of a block, of which a query reads one. */
    block: 64,
    /** Slots that are drawn of all. */
    samples: 64,
    /** So many older slots are read exactly, and not one more. */
    from: 1024,
    /** Planes by which angles are hashed, into 2 to the power of as many buckets. */
    planes: 7,
    /** The first positions, which every query reads: 0 is as published. */
    sinks: 4,
    window: 32,
    interval: 32,
  },
  plan(model, room, options) {
    checkOptions(options, room.context);
    checkOption('block', options.block, { least: Math.max(8, Math.ceil(room.context / mostBlocks)), most: 4096 });
    checkOption('from', options.from, { least: options.sinks + 1, most: 2 ** 30 });
    const { block, samples, from, planes, sinks: first, window, interval } = options;
    const layers = oneSet(model, room.format, () => room.context).map((sets) =>
      sets.map((set) => ({ ...set, hashed: { first, block, samples, from, planes } })));
    return { peak: 'bounded', window, interval, planes: ['cluster'], rewinds: 'slots', layers };
  },
  async tick(kv) {
    const before = kv.layers.map(({ sets: [set] }) => Math.min(...set.counts));
    await appendAll(kv, endOf(kv));
    kv.layers.forEach((_, i) => noteBuckets(kv, i, before[i]));
  },
};

export const policies = [policy];
