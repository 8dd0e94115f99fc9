// Turns for what else a worker has to do, as messages and aborts, within long work of the processor.

/** Lets others have their turn. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

export type Turns = ReturnType<typeof createTurns>;

/** A turn after every `each` pieces of work. Rejects with the signal's reason once that is aborted. */
export function createTurns(each: number) {
  let done = 0;
  return async (signal?: AbortSignal): Promise<void> => {
    if (++done < each) return;
    done = 0;
    await turn();
    signal?.throwIfAborted();
  };
}
