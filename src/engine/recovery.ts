// What an answer may ask for after an error: that a model whose GPU was lost is brought back, as often as that helps.
import { hasCode } from '../errors.ts';
import { type Recover, type Running } from './run/session.ts';

/** Losses in a row, with no token between, the last of which is told. */
const mostLosses = 3;

/** For one answer. `explain` tells why an error came; `bringBack` places the model again, once for all of its answers, and rejects if it cannot. */
export function createRecovery(explain: (error: unknown, running: Running) => Promise<unknown>, bringBack: (lost: Running) => Promise<void>): Recover {
  let losses = 0;
  let madeBefore = 0;
  return async (error, made, running) => {
    if (made > madeBefore) losses = 0;
    madeBefore = made;
    let told = await explain(error, running);
    for (;;) {
      if (!hasCode(told, 'gpu_lost') || ++losses >= mostLosses) throw told;
      const failure = await bringBack(running).then(() => undefined, (reason: unknown) => ({ reason }));
      if (!failure) return;
      if (!hasCode(failure.reason, 'gpu_lost')) throw told; // no GPU is there, or none with room: it was lost for good
      told = failure.reason;
    }
  };
}
