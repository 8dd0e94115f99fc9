// Blocks of a prompt, each of which leaves no more than so many slots of a head: those that a query looks at, smoothed over neighbours, the first and the
// last ones (EpiCache, arXiv 2509.17396). Of a conversation that is read as one of its episodes the query is a part that stands for the episode, and is run
// behind each block and forgotten: src/engine/sessions/episode.ts. Of any other the query is the last tokens, which stay beside those slots.
import { type KvTick, type Policy } from '../policy.ts';
import { endOf, evict } from '../tick/evict.ts';
import { slotsBefore } from '../tick/layer.ts';
import { paidByLast } from '../tick/paid.ts';
import { evictOptions, planEvicting, slotsOf } from '../tick/room.ts';

/** A block of an episode: of a prompt that ends at `until` or, where slots are chosen, behind its query. */
export interface EpisodeBlock {
  /** Where the block before has ended. */
  from: number;
  until: number;
  /** Tokens of the whole conversation. */
  total: number;
  /** Set by the tick. */
  read?: true;
}

/** The one that a sequence (`KvTick.of`) reads. Beside the plan, which is of all sequences and never changes: what is saved has its sum. */
export const blockOf = new WeakMap<object, EpisodeBlock>();

/** Slots of a head that an episode has of a conversation of `total` tokens. */
export const slotsOfEpisode = (kv: Pick<KvTick, 'plan' | 'options'>, total: number): number => slotsOf({ ...kv, promptLength: total });

/** Slots that stay in any case: the first and the last ones. */
const always = { first: 4, last: 8 };

/** Of the slots before `end` so many stay, by what the `queries` last ones look at. */
const keep = (kv: KvTick, end: number, slots: number, queries: number): Promise<void> =>
  evict(kv, end, (layer) => ({
    keep: slots, ...always,
    scores: slotsBefore(kv, layer, end) > slots ? () => ({ buffer: paidByLast(kv, layer, queries), type: 'f32' }) : undefined,
  }));

const policy: Policy = {
  name: 'epicache',
  endless: 'within a budget',
  /** `chunk`: tokens of a block at most. `kernel`: how many neighbours are averaged. */
  options: { ...evictOptions, chunk: 128, kernel: 5 },
  plan: (model, room, options) =>
    planEvicting(model, room, options, { peak: 'bounded', planes: [], chunk: options.chunk, queries: options.window }),
  async tick(kv) {
    const block = kv.of && blockOf.get(kv.of);
    // A sequence that has lost what was before the block is one like any other: it is not to be taken for the episode, nor left without room.
    if (!block || kv.base !== block.from) {
      const end = endOf(kv);
      return void (end > kv.base && (await keep(kv, end, slotsOf(kv), kv.plan.window)));
    }
    if (kv.phase !== 'prompt' || kv.length < block.until) return; // a block and its query may be steps
    await keep(kv, block.until, slotsOfEpisode(kv, block.total), kv.length - block.until);
    block.read = true;
  },
};

export const policies = [policy];
