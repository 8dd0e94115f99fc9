// How many guessed tokens are worth a step, by what was measured so far: how often a guess is right that follows so long a run, and what a
// step of so many rows takes. Knows no tokens and no GPU; times are in milliseconds.

export interface Worth {
  /** How many of `guesses` tokens, behind a run of `alike`, are best checked in one step; 0 where a step of one token is better. */
  best(alike: number, guesses: number): number;
  /** A step of one token took so long, on average of several that followed each other. */
  plain(ms: number): void;
  /** A step checked so many guesses behind a run of `alike`; the first `right` were right. It gave `tokens`, no more than `right` where an answer ended. */
  checked(alike: number, guesses: number, right: number, ms: number, tokens?: number): void;
  /** The same was told of guesses by `tokens` that were under way as they were made. */
  told(alike: number, guesses: number, right: number, tokens: number): void;
  /** So many tokens took so long, as what was under way was read first, for guesses that were not checked then. */
  waited(ms: number, tokens: number): void;
}

/** Runs that are told apart: a guess behind one of 2 to 3 tokens is right less often than behind one of 16. */
const lengths = [2, 3, 4, 6, 10, 16];
/** How often guesses are right until it is known, and the guesses that count as much. */
const assumed = [0.3, 0.45, 0.6, 0.75, 0.85, 0.9];
const assumedCount = 4;
/** Guesses that are remembered: texts change. */
const mostCount = 64;

/** What a step of so many rows takes until it is known, as a share of one of one row: on a GPU that waits for weights little more. */
const assumedTimes = [{ rows: 2, share: 1.15 }, { rows: 8, share: 1.8 }];
const assumedWeight = 0.25;
/** A step that takes more than so many times what was expected counts as that: it was held up by something else, or others will tell. */
const mostLate = 3;
/** By which older times count less with each new one. */
const fading = 0.9;

/** Measured steps of one token before anything is guessed. */
const leastPlain = 2;
/** A step with guesses has to be so much better than one without: times vary. */
const margin = 1.05;
/** Most of the time of all tokens that may be lost by guesses in vain, and how many steps of one token may be lost to begin with. */
const mostLost = 0.01;
const lostFirst = 2;
/** Guesses of the first step, whose time tells nothing: drivers make ready then what they have not run before. */
const fewFirst = 3;

/** A step of so many rows that was measured; its weight fades. */
interface Timed {
  rows: number;
  ms: number;
  weight: number;
}

export function createWorth(): Worth {
  const tallies = lengths.map((_, i) => ({ right: assumed[i] * assumedCount, all: assumedCount }));
  const tallyAt = (alike: number) => tallies[lengths.findLastIndex((least) => alike >= least)];
  const times: Timed[] = [];
  let plainMs = 0;
  let plainSteps = 0;
  let totalMs = 0; // that all tokens would have taken one by one
  let steps = 0; // with guesses
  let lostMs = 0; // by steps with guesses, less what they have gained; never far below 0, so that old gains pay for nothing

  /** By a line through what was measured. */
  function timeOf(rows: number): number {
    const known = [...times, ...assumedTimes.map(({ rows: each, share }) => ({ rows: each, ms: share * plainMs, weight: assumedWeight }))];
    const sum = (of: (time: Timed) => number) => known.reduce((total, time) => total + time.weight * of(time), 0);
    const all = sum(() => 1);
    const [meanRows, meanMs] = [sum((time) => time.rows) / all, sum(({ ms }) => ms) / all];
    const slope = sum((time) => (time.rows - meanRows) * (time.ms - meanMs)) / sum((time) => (time.rows - meanRows) ** 2);
    return Math.max(plainMs / 2, meanMs + Math.max(0, slope) * (rows - meanRows));
  }

  function told(alike: number, guesses: number, right: number, tokens: number): void {
    for (let i = 0; i < Math.min(guesses, right + 1, tokens); i++) {
      const tally = tallyAt(alike + i);
      const kept = Math.min(1, (mostCount - 1) / tally.all);
      tally.right = kept * tally.right + (i < right ? 1 : 0);
      tally.all = kept * tally.all + 1;
    }
  }

  return {
    told,
    best(alike, guesses) {
      if (plainSteps < leastPlain || lostMs > lostFirst * plainMs + mostLost * totalMs) return 0;
      let [best, bestSpeed] = [0, margin / plainMs];
      let [tokens, chance] = [1, 1]; // that are chosen in such a step, and that all so far are right
      for (let count = 1; count <= (steps ? guesses : Math.min(fewFirst, guesses)); count++) {
        const { right, all } = tallyAt(alike + count - 1);
        chance *= right / all;
        tokens += chance;
        const speed = tokens / timeOf(count + 1);
        if (speed > bestSpeed) [best, bestSpeed] = [count, speed];
      }
      return best;
    },
    plain(ms) {
      plainMs = plainSteps ? 0.8 * plainMs + 0.2 * ms : ms;
      plainSteps++;
      totalMs += ms;
    },
    waited(ms, tokens) {
      const plain = tokens * plainMs;
      totalMs += plain;
      lostMs += Math.max(0, Math.min(ms, mostLate * plain) - plain);
    },
    checked(alike, guesses, right, ms, tokens = right + 1) {
      told(alike, guesses, right, tokens);
      totalMs += tokens * plainMs;
      if (steps++ === 0) return;
      const took = Math.min(ms, mostLate * timeOf(guesses + 1));
      times.forEach((time) => (time.weight *= fading));
      times.push({ rows: guesses + 1, ms: took, weight: 1 });
      if (times.length > mostCount) times.shift();
      lostMs = Math.max(-plainMs, lostMs + took - tokens * plainMs);
    },
  };
}
