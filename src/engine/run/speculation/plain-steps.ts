// What steps of one token that follow each other take, and what is lost between them: where those under way are read first for guesses, and until
// as many are under way again.
import { type Answer } from '../answer/answers.ts';
import { type StepTimes } from './step-times.ts';
import { countRight } from './verify.ts';
import { type Worth } from './worth.ts';

/** What was to be checked, as far as it is known, and whose it is. */
export interface Waiting {
  worth: Pick<Worth, 'told' | 'waited'>;
  alike: number;
  ids: readonly number[];
}

/** Steps that follow each other before their times are those of one token: the first ones are submitted ahead. */
const settled = 2;

interface Plain {
  answer: Answer;
  /** When the last one was submitted. */
  at: number;
  steps: number;
  /** Since when what was under way was read first, the tokens since that were not guessed, and the milliseconds of guesses since. */
  wait?: { from: number; tokens: number; guessMs: number; worth: Waiting['worth'] };
}

export interface PlainSteps {
  /** A step of so many tokens of each was submitted. */
  note(answers: readonly Answer[], count: number): void;
  /** What is under way of an answer is read before more is submitted, for a guess, or for none. */
  readFirst(answer: Answer, guess: Waiting | undefined): void;
  /** Nothing was guessed once that was read. */
  goOn(answer: Answer): void;
  /** What was guessed of an answer is checked, which took so long. */
  checked(answer: Answer, ms: number, worth: Waiting['worth']): void;
  /** Other steps follow. */
  end(): void;
}

export function createPlainSteps(times: Pick<StepTimes, 'plain'>, now: () => number): PlainSteps {
  let last: Plain | undefined;
  let drained: { guess: Waiting; before: number } | undefined; // a guess, and the tokens that were known then

  function endWait(): void {
    if (last?.wait?.tokens) last.wait.worth.waited(last.at - last.wait.from - last.wait.guessMs, last.wait.tokens);
    if (last) last = { ...last, wait: undefined };
  }

  return {
    note(answers, count) {
      const [answer] = answers;
      if (last?.answer !== answer || answers.length > 1) endWait();
      const before = last?.answer === answer ? last : undefined;
      const at = now();
      const isSettled = before !== undefined && before.steps >= settled;
      const wait = before?.wait && { ...before.wait, tokens: before.wait.tokens + count };
      if (isSettled && !wait) times.plain((at - before.at) / count);
      last = answers.length > 1 ? undefined : { answer, at, steps: (before?.steps ?? 0) + 1, wait };
      if (isSettled) endWait();
    },
    readFirst(answer, guess) {
      drained = guess && last?.answer === answer ? { guess, before: answer.tokens.length } : undefined;
    },
    goOn(answer) {
      if (drained && last?.answer === answer) {
        const { guess: { worth, alike, ids }, before } = drained;
        const came = answer.tokens.slice(before);
        worth.told(alike, ids.length, countRight(ids, came), came.length);
        endWait();
        last = { ...last, steps: 0, wait: { from: last.at, tokens: 0, guessMs: 0, worth } };
      }
      drained = undefined;
    },
    checked(answer, ms, worth) {
      drained = undefined;
      if (last?.answer !== answer) return;
      const { from, tokens, guessMs } = last.wait ?? { from: last.at, tokens: 0, guessMs: 0 };
      last = { ...last, steps: 0, wait: { from, tokens, guessMs: guessMs + ms, worth } };
    },
    end() {
      endWait();
      [last, drained] = [undefined, undefined];
    },
  };
}
