// When a policy of keys and values has a tick: after each chunk of a prompt, and in decode once as many tokens have come as it says, all of them
// read and accepted. Knows no policy.
import { type Ledger } from '../../gpu/ledger.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { type TickAt, type Ticker } from '../../kv/tick/ticker.ts';
import { remembered } from '../../remembered.ts';
import { type RunState } from './run-state.ts';
import { noteFailed } from './schedule/failed.ts';

/** Tokens that may be run before a tick is due, of a sequence that has run `length`; Infinity without a policy. */
export const untilTick = ({ shaped }: Pick<Sequence, 'shaped'>, length: number): number =>
  shaped ? shaped.since + shaped.shape.plan.interval - length : Infinity;

/** Of each placed model, by the ledger of its plan; loaded with the first tick. */
const tickers = new WeakMap<Ledger, Promise<Ticker>>();

const tickerOf = ({ gpu: { device }, ledger, activations: { angles }, planned: { chosen: { kernels } } }: RunState['model']): Promise<Ticker> =>
  remembered(tickers, ledger, async () => (await import('../../kv/tick/ticker.ts')).createTicker({ device, ledger, kernels, angles }));

export async function tick({ model, submits }: RunState, at: Omit<TickAt, 'submit'>): Promise<void> {
  if (!at.sequence.shaped) return;
  try {
    await (await tickerOf(model)).tick({ ...at, submit: submits.submit });
  } catch (error) {
    at.sequence.truncate(0); // some layers may have had it and others not: whoever goes on feeds it again
    noteFailed(error, at.sequence);
    throw error;
  }
}

/** The tick of decode, where one is due. */
export async function tickIfDue(state: RunState, sequence: Sequence, length: number): Promise<void> {
  if (untilTick(sequence, length) <= 0) await tick(state, { sequence, length, phase: 'decode', promptLength: sequence.shaped!.promptLength });
}
