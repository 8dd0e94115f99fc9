// What steps take, by what was measured so far. Knows no tokens and no GPU; times are in milliseconds.

/** What so many of something take. */
export interface Timed {
  count: number;
  ms: number;
  /** Fades once it was measured. */
  weight: number;
}

/** Times that grow with a count: a line through what was measured and what is assumed. */
export interface TimeLine {
  of(count: number): number;
  /** Takes a time; gives as much of it as counts, with what an earlier one owes. */
  note(count: number, ms: number): number;
}

/** By which older times count less with each new one. */
const fading = 0.9;
const mostTimes = 64;
/** A time that is more than so often what was expected counts as that, as something else held it up; unless the next is as late. */
const mostLate = 3;

/** What counts of a time by itself, and what was not counted of the one before and counts now, as both were late. */
export interface Counted {
  ms: number;
  owed: number;
}

/** Tells of times whether they are held up, or are what they take. */
export function createLateness(): (ms: number, expected: number) => Counted {
  let left: number | undefined; // what was not counted of the last time, if that was late
  return (ms, expected) => {
    const most = mostLate * expected;
    const isLate = ms > most;
    if (isLate && left === undefined) {
      left = ms - most;
      return { ms: most, owed: 0 };
    }
    const owed = isLate ? left! : 0;
    left = isLate ? 0 : undefined;
    return { ms, owed };
  };
}

/** `assumed`: two points at least, as the line needs them; `least`: what is no more possible. */
export function createTimeLine(assumed: () => readonly Timed[], least = (): number => 0): TimeLine {
  const times: Timed[] = [];
  const countedOf = createLateness();

  function of(count: number): number {
    const known = [...times, ...assumed()];
    const sum = (term: (time: Timed) => number) => known.reduce((total, time) => total + time.weight * term(time), 0);
    const all = sum(() => 1);
    const [meanCount, meanMs] = [sum((time) => time.count) / all, sum(({ ms }) => ms) / all];
    const slope = sum((time) => (time.count - meanCount) * (time.ms - meanMs)) / sum((time) => (time.count - meanCount) ** 2);
    return Math.max(least(), meanMs + Math.max(0, slope) * (count - meanCount));
  }

  return {
    of,
    note(count, ms) {
      const counted = countedOf(ms, of(count));
      times.forEach((time) => (time.weight *= fading));
      times.push({ count, ms: counted.ms, weight: 1 });
      if (times.length > mostTimes) times.shift();
      return counted.ms + counted.owed;
    },
  };
}

/** What all drafters of a model have in common: what its steps take, and all of its tokens. */
export interface StepTimes {
  /** Of a step of one token, on average of several that followed each other; 0 before any. */
  readonly plainMs: number;
  /** Whether enough of those were measured. */
  readonly areKnown: boolean;
  /** What all tokens would have taken one by one. */
  readonly totalMs: number;
  /** What all prompts have taken, and a token of them lately. */
  readonly promptMs: number;
  readonly promptTokenMs: number;
  /** Of a step that checks guesses in so many rows. */
  readonly ofRows: TimeLine;
  plain(ms: number): void;
  prompt(tokens: number, ms: number): void;
  /** So many tokens came of other steps. */
  made(tokens: number): void;
}

/** What a step of so many rows takes until it is known, as a share of one of one row: on a GPU that waits for weights little more. */
const assumedTimes = [{ rows: 2, share: 1.15 }, { rows: 8, share: 1.8 }];
const assumedWeight = 0.25;
/** Measured steps of one token before anything is guessed. */
const leastPlain = 2;

export function createStepTimes(): StepTimes {
  let [plainMs, plainSteps, totalMs, promptMs, promptTokenMs] = [0, 0, 0, 0, 0];
  return {
    get plainMs() {
      return plainMs;
    },
    get areKnown() {
      return plainSteps >= leastPlain;
    },
    get totalMs() {
      return totalMs;
    },
    get promptMs() {
      return promptMs;
    },
    get promptTokenMs() {
      return promptTokenMs;
    },
    ofRows: createTimeLine(
      () => assumedTimes.map(({ rows, share }) => ({ count: rows, ms: share * plainMs, weight: assumedWeight })),
      () => plainMs / 2,
    ),
    plain(ms) {
      plainMs = plainSteps ? 0.8 * plainMs + 0.2 * ms : ms;
      plainSteps++;
      totalMs += ms;
    },
    prompt(tokens, ms) {
      promptMs += ms;
      if (tokens) promptTokenMs = ms / tokens;
    },
    made: (tokens) => void (totalMs += tokens * plainMs),
  };
}
