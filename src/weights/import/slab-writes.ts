// Writes under way: a few at once, so that the disk has work while more comes from the network.

/** Whole slabs waiting to be written, at most. */
const writesAtOnce = 2;

export interface Writes {
  /** Resolves once few enough are under way. Rejects with what the first that failed rejected with. */
  begin(write: () => Promise<void>): Promise<void>;
  /** Resolves once none is. Rejects as `begin` does. */
  end(): Promise<void>;
}

/** The first that failed is told by the next call. */
export function createWrites(): Writes {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const told = (): void => {
    if (failure) throw failure.error;
  };
  return {
    async begin(write) {
      const task = write().catch((error: unknown) => void (failure ??= { error })).finally(() => running.delete(task));
      running.add(task);
      while (running.size > writesAtOnce) await Promise.race(running);
      told();
    },
    async end() {
      await Promise.all(running);
      told();
    },
  };
}
