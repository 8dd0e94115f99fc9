// How many guessed tokens of a drafter are worth a step, by what was measured so far: how often a guess is right that follows so long a run, what
// a step of so many rows takes, and what the guesses themselves cost. Knows no tokens and no GPU; times are in milliseconds.
import { type StepTimes, createLateness } from './step-times.ts';

/** What guesses cost before they are checked. */
export interface Cost {
  /** What makes so many. */
  of(count: number): number;
  /** What has to be done before the first of them, once. */
  begin: number;
}

/** What is best checked next: so many guesses, 0 where a step of one token is better; tokens for each millisecond then, as far as is known. */
export interface Choice {
  count: number;
  speed: number;
}

export interface Worth {
  /** Of `guesses` tokens, behind a run of `alike`. */
  choose(alike: number, guesses: number, cost?: Cost): Choice;
  /**
   * A step checked so many guesses behind a run of `alike`; the first `right` were right. It gave `tokens`, no more than `right` where an answer
   * ended. `draftMs`: what the guesses took.
   */
  checked(alike: number, guesses: number, right: number, ms: number, tokens?: number, draftMs?: number): void;
  /** The same was told of guesses by `tokens` that were under way as they were made. */
  told(alike: number, guesses: number, right: number, tokens: number): void;
  /** So many tokens took so long, as what was under way was read first for guesses, and until as much was under way again. */
  waited(ms: number, tokens: number): void;
  /** So long was taken to guess behind a run of `alike`, and nothing came of it that could be checked: a wrong guess. */
  failed(alike: number, draftMs: number): void;
  /** It took so long until the first of several guesses could be made. */
  began(ms: number): void;
}

/** Runs that are told apart: a guess behind one of 2 to 3 tokens is right less often than behind one of 16. */
const lengths = [2, 3, 4, 6, 10, 16];
/** How often guesses are right until it is known, and the guesses that count as much: of those that are looked up, and of a model's. */
export const lookedUp = [0.3, 0.45, 0.6, 0.75, 0.85, 0.9];
export const drafted = [0.65, 0.65, 0.7, 0.75, 0.8, 0.85];
const assumedCount = 4;
/** Guesses that are remembered: texts change. */
const mostCount = 64;

/** A step with guesses has to be so much better than one without: times vary. */
const margin = 1.05;
/** Most of the time of all tokens that may be lost by guesses in vain. */
const mostLost = 0.01;
/** Steps of one token that may be lost to begin with: a first answer of 100 tokens loses less than two parts of a hundred. */
const lostFirst = 1;
/** What it costs to read first what is under way, as a share of a step of one token, until it is known; and the waits that tell it. */
const assumedWait = 0.25;
const mostWaits = 8;
/** How many such steps beginnings may take, and guesses that need one: else they are never tried before they have fallen behind. */
export const begunFirst = 2;
/** Most of the prompts' time that the first beginning may take: it tells what guesses are worth. Later ones are paid by so much of what was gained. */
const firstBegin = 0.1;
const gainsToBegin = 0.5;

export interface WorthOptions {
  /** How often guesses are right behind runs of each of `lengths`, until it is known. */
  assumed?: readonly number[];
  /** What this drafter may lose of what all may. */
  share?: number;
  /** Steps of one token that it may lose to begin with. */
  first?: number;
}

export function createWorth(times: StepTimes, { assumed = lookedUp, share = 1, first = lostFirst }: WorthOptions = {}): Worth {
  const tallies = lengths.map((_, i) => ({ right: assumed[i] * assumedCount, all: assumedCount }));
  const tallyAt = (alike: number) => tallies[lengths.findLastIndex((least) => alike >= least)];
  let waitMs = 0; // what that costs where guesses are checked, or not then
  let waits = 0;
  const waitOf = createLateness();
  let lostMs = 0; // by steps with guesses, less what they have gained; never far below 0, so that old gains pay for nothing
  let begunMs = 0; // by beginnings, less their share of what was gained
  let beginnings = 0;
  const mayLose = (steps: number, ms: number) => steps * times.plainMs + share * mostLost * ms;
  const mayBegin = (begin: number) =>
    begin === 0 || begunMs + begin <= mayLose(share * begunFirst, times.totalMs + times.promptMs) || (!beginnings && begin <= firstBegin * times.promptMs);

  function told(alike: number, guesses: number, right: number, tokens: number): void {
    for (let i = 0; i < Math.min(guesses, right + 1, tokens); i++) {
      const tally = tallyAt(alike + i);
      const kept = Math.min(1, (mostCount - 1) / tally.all);
      tally.right = kept * tally.right + (i < right ? 1 : 0);
      tally.all = kept * tally.all + 1;
    }
  }

  /** Adds what was lost, or takes off what was gained; of what is beyond that a share pays for beginnings. */
  function lose(ms: number): void {
    const sum = lostMs + ms;
    lostMs = Math.max(-times.plainMs, sum);
    begunMs += gainsToBegin * (sum - lostMs);
  }

  return {
    told,
    choose(alike, guesses, cost) {
      const none = { count: 0, speed: 0 };
      const { plainMs, areKnown, totalMs, ofRows } = times;
      const mayYet = mayLose(first, totalMs) - lostMs;
      if (!areKnown || mayYet < 0 || !mayBegin(cost?.begin ?? 0)) return none;
      let best = { ...none, speed: margin / plainMs };
      const next = tallyAt(alike);
      const sure = next.right / next.all;
      let [tokens, chance] = [1, 1]; // that are chosen in such a step, and that all so far are right
      for (let count = 1; count <= guesses; count++) {
        const { right, all } = tallyAt(alike + count - 1);
        chance *= right / all;
        tokens += chance;
        const ms = ofRows.of(count + 1) + (cost?.of(count) ?? 0);
        // What is lost where the first is wrong, as often as that is.
        if ((1 - sure) * (ms - plainMs + Math.max(0, waits ? waitMs : assumedWait * plainMs)) > mayYet) break;
        const speed = tokens / ms;
        if (speed > best.speed) best = { count, speed };
      }
      return best.count ? best : none;
    },
    waited(ms, tokens) {
      const plain = tokens * times.plainMs;
      times.made(tokens);
      const waited = waitOf(ms, plain);
      const lost = waited.ms + waited.owed - plain;
      waitMs += (lost - waitMs) / Math.min(++waits, mostWaits);
      lose(lost);
    },
    failed(alike, draftMs) {
      told(alike, 1, 0, 1);
      lose(draftMs);
    },
    began(ms) {
      begunMs += ms;
      beginnings++;
    },
    checked(alike, guesses, right, ms, tokens = right + 1, draftMs = 0) {
      told(alike, guesses, right, tokens);
      times.made(tokens);
      lose(times.ofRows.note(guesses + 1, ms) + draftMs - tokens * times.plainMs);
    },
  };
}
