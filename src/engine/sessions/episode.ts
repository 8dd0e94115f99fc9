// Reads a conversation as one of its episodes has it (src/kv/policies/epicache.ts): block by block, and behind each that leaves more slots than the episode
// has, the episode's query, by which slots are chosen, and which is forgotten then. So no more than those slots, a block and the query are there at a time.
import { RequestError } from '../../errors.ts';
import { type EpicachePlan, type EpisodeBlock, slotsOfEpisode } from '../../kv/policies/epicache.ts';
import { type Sequence } from '../../kv/sequence.ts';

export interface Reading {
  /** Empty. */
  sequence: Sequence;
  /** Runs all of these tokens that the sequence has not run. */
  run(tokens: number[]): Promise<void>;
}

/** `blocks`: the tokens of the conversation, as many in each as a step between ticks has. `query`: no more than the policy's window. */
export async function readEpisode({ sequence, run }: Reading, blocks: readonly (readonly number[])[], query: readonly number[]): Promise<void> {
  const { plan: given, options } = sequence.shaped!.shape;
  const plan = given as EpicachePlan;
  const total = blocks.reduce((sum, { length }) => sum + length, 0);
  const slots = slotsOfEpisode({ plan, options }, total);
  const tokens: number[] = [];
  try {
    for (const next of blocks) {
      const block: EpisodeBlock = { of: sequence, from: tokens.length, until: tokens.length + next.length, total };
      plan.block = block;
      tokens.push(...next);
      await run(tokens.length > slots ? [...tokens, ...query] : [...tokens]);
      if (!block.read)
        throw new RequestError('The conversation was not read to its end: the model was loaded anew, or it gave way to others. Recall it again.');
      sequence.truncate(tokens.length);
      sequence.approximate = true;
    }
  } finally {
    plan.block = undefined;
  }
}
