// Which of a sequence's last queries are kept as they were run. A query lies at its position modulo the rows that there are, so that what was run in vain,
// and cut since, has taken the place of what came so many positions before it. Pure.

export interface Queried {
  /** The first position whose query is there, of those up to the last tick or to where the sequence went on since. */
  readonly first: number;
  /** The same where it goes on at `length` positions. */
  at(length: number): number;
  /** It goes on at `length` positions. `given`: the first position of another sequence's queries, which were put here. */
  goOn(length: number, given?: number): void;
  /** Positions before `end` are about to be run, whether or not they are kept. */
  willRun(end: number): void;
  /** All up to `length` that was run is kept. */
  ticked(length: number): void;
}

/** `rows`: queries that are kept; none: nobody asks. */
export function createQueried(rows = Infinity): Queried {
  let [first, ran] = [0, 0];
  const at = (length: number): number => Math.min(length, Math.max(first, ran - rows));
  return {
    get first() {
      return first;
    },
    at,
    goOn(length, given) {
      first = given === undefined ? at(length) : Math.min(length, given); // what was run here before is nowhere
      ran = length;
    },
    willRun: (end) => void (ran = Math.max(ran, end)),
    ticked: (length) => void (ran = length),
  };
}
