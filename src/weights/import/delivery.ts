// Hands slabs on from memory, from the import that finishes them to whoever puts them onto the GPU just then. Keeps none:
// what is finished while nobody takes it has to be read from where it is stored.

type Take = (slab: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

export interface Delivery {
  /** Resolves when the slab has been taken, at once where nobody takes it. What goes wrong is told to who takes, not here. */
  deliver: Take;
  /** Nothing more will be delivered. */
  end(): void;
  /** Calls `take` for each slab from now on. Resolves at the end; rejects once `take` has failed or `signal` aborts. Calls under way have ended then. */
  receive(take: Take, signal?: AbortSignal): Promise<void>;
}

export function createDelivery(): Delivery {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  let taker: Take | undefined;
  return {
    end,
    deliver: async (...slab) => taker?.(...slab),
    async receive(take, signal) {
      const underWay = new Set<Promise<void>>();
      let stop: (reason: unknown) => void = () => {};
      const stopped = new Promise<never>((_, reject) => (stop = reject));
      const abort = (): void => stop(signal!.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort);
      taker = (...slab) => {
        const taking = take(...slab).catch(stop).finally(() => underWay.delete(taking));
        underWay.add(taking);
        return taking;
      };
      try {
        await Promise.race([ended, stopped]);
      } finally {
        taker = undefined;
        signal?.removeEventListener('abort', abort);
        await Promise.all(underWay);
      }
    },
  };
}
