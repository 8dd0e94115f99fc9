// Turns for what else a worker has to do, as messages and aborts, within long work of the processor.

import { type Rest } from '../latents/eigen.ts';

/** Lets others have their turn. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

export type Turns = ReturnType<typeof createTurns>;

/** A turn after every `each` pieces of work. Rejects with the signal's reason once that is aborted. */
export function createTurns(each: number) {
  let done = 0;
  return async (signal?: AbortSignal, pieces = 1): Promise<void> => {
    done += pieces;
    if (done < each) return;
    done = 0;
    await turn();
    signal?.throwIfAborted();
  };
}

/** Some 40 ms of a core of the tests' machine. */
const operationsAtOnce = 2 ** 25;

/** A turn of others after so many operations, whoever counts them. Rejects with the signal's reason once that is aborted. */
export function restsFor(signal?: AbortSignal): Rest {
  const turns = createTurns(operationsAtOnce);
  return (operations) => turns(signal, operations);
}
