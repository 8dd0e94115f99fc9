// What an answer may ask for after an error: that a model whose GPU was lost is brought back, as often as that helps.
import { hasCode } from '../errors.ts';
import { type Recover, type Running } from './run/session.ts';

/** Losses in a row, with no token between, the last of which is told. */
const mostLosses = 3;
/** Milliseconds until it is tried again where no GPU is there: a driver that resets, or a browser's GPU process, takes a while. */
const pauses = [250, 500, 1000, 2000, 4000];

const waitFor = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Does `work`; where no GPU is there, again after a while, a few times. `wait` resolves after so many milliseconds. */
export async function whenGpuIsThere<T>(work: () => Promise<T>, wait = waitFor): Promise<T> {
  for (const ms of pauses) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, 'no_gpu')) throw error;
    }
    await wait(ms);
  }
  return work();
}

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
