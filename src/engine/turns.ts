// Who may run when: some work runs beside other such work, some runs alone; all of it begins in the order in which it came.

export interface Turns {
  /** Runs `work` beside other such work, after what came before to run alone. */
  together<T>(work: () => Promise<T>): Promise<T>;
  /** Runs `work` once all that came before has ended, failed or not, and holds back what comes meanwhile. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve(); // that runs alone
  let since = new Set<Promise<unknown>>(); // that run together, after the last
  return {
    together(work) {
      const result = last.then(work);
      const among = since;
      const ended = result.then(() => {}, () => {}).then(() => void among.delete(ended));
      among.add(ended);
      return result;
    },
    alone(work) {
      const result = Promise.all([last, ...since]).then(work);
      last = result.catch(() => {});
      since = new Set();
      return result;
    },
  };
}
