// Cuts steps into submits by measured time, so that the page, the watchdog of the driver and a stop request never wait
// long, and keeps two submits in flight so that the GPU does not wait for us.

/** A token is one submit where it takes no longer. */
export const tokenMs = 100;
/** Of many tokens: the GPU draws the page in between. */
export const pageMs = 33;

export interface Pacer {
  /** Pieces of work per submit of `ms`, for pieces of `rows` tokens each; by default `tokenMs` for one token and `pageMs` for more. */
  piecesPerSubmit(rows: number, ms?: number): number;
  /** Waits until at most one submit is in flight, and learns how long `pieces` of `rows` tokens took. */
  submitted(rows: number, pieces: number): Promise<void>;
  /** What a piece of so many tokens takes, as far as that is known. */
  msOf(rows: number): number | undefined;
  /** When the GPU finished the last submit (performance.now()), if it has nothing to do. */
  idleSince(): number | undefined;
}

export function createPacer(queue: GPUQueue): Pacer {
  const msPerPiece = new Map<number, number>(); // by tokens per piece, rounded up to a power of two
  const inFlight: Promise<void>[] = [];
  let lastDone = 0;
  let pending = 0;
  const bucket = (rows: number) => 2 ** Math.ceil(Math.log2(rows));
  return {
    piecesPerSubmit(rows, ms = rows === 1 ? tokenMs : pageMs) {
      const known = msPerPiece.get(bucket(rows));
      return known === undefined ? 1 : Math.max(1, Math.floor(ms / known));
    },
    async submitted(rows, pieces) {
      const started = performance.now();
      pending++;
      const done = queue.onSubmittedWorkDone().then(() => {
        const now = performance.now();
        const ms = (now - Math.max(started, lastDone)) / pieces;
        lastDone = now;
        pending--;
        const old = msPerPiece.get(bucket(rows));
        msPerPiece.set(bucket(rows), old === undefined ? ms : 0.7 * old + 0.3 * ms);
      });
      done.catch(() => undefined); // nobody waits for the last submits of a lost GPU; who waits for one still gets its error
      inFlight.push(done);
      while (inFlight.length > 1) await inFlight.shift();
    },
    msOf: (rows) => msPerPiece.get(bucket(rows)),
    idleSince: () => (pending ? undefined : lastDone),
  };
}
