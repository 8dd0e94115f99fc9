// Some tokens of a text that was put together from parts are run again (after Cache-Craft, arXiv 2502.15734): those that a question looks at most, with
// all that lies before them there; all of them give what running the whole text gives. As no token sees a later one, that is the same as running each
// stretch of them through all layers, the first stretch first.
import { type Sequence } from '../../kv/sequence.ts';
import { type Runner } from './runner.ts';

/** Neighbours that what is paid is averaged over. */
const width = 5;

/** The `share` of tokens that were paid most, in order; of equals the first. Averages have zeros beyond the ends. */
export function mostPaid(paid: ArrayLike<number>, share: number): number[] {
  const half = width >> 1;
  const smooth = Array.from(paid, (_, at) => {
    let sum = 0;
    for (let near = Math.max(0, at - half); near <= Math.min(paid.length - 1, at + half); near++) sum += paid[near];
    return sum;
  });
  const order = smooth.map((_, at) => at).sort((a, b) => smooth[b] - smooth[a] || a - b);
  return order.slice(0, Math.ceil(share * paid.length)).sort((a, b) => a - b);
}

/** [first, behind the last] of each stretch of neighbours. */
export function stretches(chosen: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const at of chosen) {
    const last = found.at(-1);
    if (last?.[1] === at) last[1]++;
    else found.push([at, at + 1]);
  }
  return found;
}

/**
 * `runner`: of the sequence. Runs the tokens at `chosen`, in order, again; what lies behind them stays. Where `signal` ends it, between stretches or within
 * one, the sequence is of no use.
 */
export async function repair(runner: Runner, sequence: Sequence, chosen: readonly number[], signal?: AbortSignal): Promise<void> {
  const tokens = [...sequence.tokens];
  for (const [first, end] of stretches(chosen)) {
    signal?.throwIfAborted();
    await runner.feed(tokens.slice(first, end), first, signal);
    sequence.note(end, tokens.slice(end));
  }
  sequence.shaped?.ticked(tokens.length, 0, true);
  sequence.shaped?.queried.goOn(tokens.length, tokens.length); // queries of some are nowhere
}
