// When a policy of keys and values has a tick: after each chunk of a prompt, and in decode once as many tokens have come as it says, all of them
// read and accepted. Knows no policy.
import { type Sequence } from '../../kv/sequence.ts';
import { type TickAt } from '../../kv/tick/ticker.ts';
import { type RunState } from './run-state.ts';

/** Tokens that may be run before a tick is due, of a sequence that has run `length`; Infinity without a policy. */
export const untilTick = ({ shaped }: Pick<Sequence, 'shaped'>, length: number): number =>
  shaped ? shaped.since + shaped.shape.plan.interval - length : Infinity;

export async function tick(state: RunState, at: TickAt): Promise<void> {
  if (!at.sequence.shaped) return;
  const { gpu: { device }, ledger, planned: { chosen: { kernels } } } = state.model;
  try {
    state.ticker ??= import('../../kv/tick/ticker.ts').then(({ createTicker }) =>
      createTicker({ device, ledger, kernels, submit: (encoder) => state.submits.submit(encoder) }));
    await (await state.ticker).tick(at);
  } catch (error) {
    at.sequence.truncate(0); // some layers may have had it and others not: whoever goes on feeds it again
    throw error;
  }
}

/** The tick of decode, where one is due. */
export async function tickIfDue(state: RunState, sequence: Sequence, length: number): Promise<void> {
  if (untilTick(sequence, length) <= 0) await tick(state, { sequence, length, phase: 'decode', promptLength: sequence.shaped!.promptLength });
}
