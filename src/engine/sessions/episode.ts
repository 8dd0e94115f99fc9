// Reads a conversation as one of its episodes has it (src/kv/policies/epicache.ts): block by block, and behind each that leaves more slots than the episode
// has, the episode's query, by which slots are chosen, and which is forgotten then. So no more than those slots, a block and the query are there at a time.
import { BudgetError } from '../../errors.ts';
import { type EpisodeBlock, blockOf, slotsOfEpisode } from '../../kv/policies/epicache.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { type Runner } from '../run/runner.ts';

export interface Reading {
  /** Empty. */
  sequence: Sequence;
  /**
   * Does `work` while nobody else runs anything, with room for `length` tokens. Throws `gaveWay` where the sequence was closed between two blocks, or its
   * model placed anew.
   */
  inTurn(length: number, work: (runner: Pick<Runner, 'feed'>) => Promise<void>): Promise<void>;
  /** Ends it between blocks, and within one. */
  signal?: AbortSignal;
}

export const gaveWay = (): BudgetError =>
  new BudgetError('The episode gave way to other conversations while it was read. Recall it again, close some, or load the model with more sequences.');

/** `blocks`: the tokens of the conversation, as many in each as a step between ticks has. `query`: no more than the policy's window. */
export async function readEpisode({ sequence, inTurn, signal }: Reading, blocks: readonly (readonly number[])[], query: readonly number[]): Promise<void> {
  const { shape } = sequence.shaped!;
  const total = blocks.reduce((sum, { length }) => sum + length, 0);
  const slots = slotsOfEpisode(shape, total);
  let from = 0;
  for (const next of blocks) {
    const block: EpisodeBlock = { from, until: from + next.length, total };
    const ids = block.until > slots ? [...next, ...query] : next;
    await inTurn(from + ids.length, async (runner) => {
      if (sequence.tokens.length !== block.from) throw gaveWay();
      blockOf.set(sequence, block);
      try {
        await runner.feed(ids, block.from, signal);
      } finally {
        blockOf.delete(sequence);
      }
      if (!block.read) throw gaveWay();
      sequence.truncate(block.until);
      sequence.approximate = true;
    });
    from = block.until;
  }
}
