// Steps in which an answer's next tokens are guessed and checked several at a time (Leviathan et al., arXiv 2211.17192), by whichever drafter pays
// best, or none. What is chosen is what would be chosen one by one.
import { type SpeculationOptions, type Token } from '../../../protocol.ts';
import { type Answer } from '../answer/answers.ts';
import { type Runner } from '../runner.ts';
import { type Steps } from '../schedule/scheduler.ts';
import { type Chosen, type Drafter, bestOf } from './drafter.ts';
import { createLookup } from './drafts/lookup.ts';
import { createPlainSteps } from './plain-steps.ts';
import { type StepTimes, createStepTimes } from './step-times.ts';
import { countRight } from './verify.ts';
import { type Worth, begunFirst, createWorth, drafted } from './worth.ts';

type AnswerSteps = Steps<Answer, Token>;

/** Steps among which guesses are checked. */
export interface Speculating extends AnswerSteps {
  /** Runs once what guesses and checks them, before any answer. A drafter that fails guesses nothing; rejects with what else fails. */
  ready(): Promise<void>;
}

/** What makes a drafter of a model, once it is known what it may cost and how it is measured. */
export type MakeDrafter = (worth: Worth, times: StepTimes, now: () => number) => Drafter;

interface Options extends SpeculationOptions {
  /** Whatever that costs. */
  all?: boolean;
  /** What a guess takes on the GPU. */
  rowBytes: number;
  /** Drafters that are models. */
  models?: readonly MakeDrafter[];
  /** Whether the GPU was lost: then it is no drafter that has failed. */
  isLost?: () => Promise<boolean>;
  /** Milliseconds. */
  now?: () => number;
}

/** A step with guesses whose tokens are still to be taken, of which an answer that ends may leave some. */
interface Checked {
  answer: Answer;
  chosen: Chosen;
  ids: readonly number[];
  made: readonly Token[];
  ms: number;
  draftMs: number;
  /** Tokens before it. */
  before: number;
}

/** Who guesses, and what was told of those that do so no more. */
interface Drafters {
  /** Those that have not failed. */
  all: readonly Drafter[];
  /** For people, told with the next tokens. */
  notices: string[];
  /** What `work` gives; undefined where it fails, which ends the guesses of `drafter`. Rejects where it was aborted, or the GPU was lost. */
  trying<T>(drafter: Drafter, work: () => Promise<T>, signal?: AbortSignal): Promise<T | undefined>;
}

/** Each has its share of what may be lost. */
function createDrafters({ lookup = true, models = [], isLost }: Options, times: StepTimes, now: () => number): Drafters {
  const share = 1 / (models.length + (lookup ? 1 : 0));
  const drafters: Drafters = {
    all: [
      ...(lookup ? [createLookup(createWorth(times, { share }))] : []),
      ...models.map((make) => make(createWorth(times, { share, first: share * begunFirst, assumed: drafted }), times, now)),
    ],
    notices: [],
    async trying(drafter, work, signal) {
      try {
        return await work();
      } catch (error) {
        if (signal?.aborted || (await isLost?.())) throw error;
        drafters.all = drafters.all.filter((each) => each !== drafter);
        drafters.notices.push(`No tokens are guessed any more by ${drafter.name}, which failed; answers are the same without. ${(error as Error).message}`);
        return undefined;
      }
    },
  };
  return drafters;
}

/** Runs a step with what is guessed; undefined where nothing is after all, which counts as a wrong guess, or where the drafter has failed. */
async function checkGuesses(
  runner: Runner, drafters: Drafters, answer: Answer, chosen: Chosen, now: () => number, signal?: AbortSignal,
): Promise<(Checked & { made: Token[] }) | undefined> {
  const { drafter, alike, count } = chosen;
  const { sequence, sampler, length, ends, tokens: { length: before } } = answer;
  const proposed = chosen.ids ? { ids: chosen.ids, ms: 0 } : await drafters.trying(drafter, () => drafter.propose(answer.tokens, count, signal), signal);
  if (!proposed) return undefined;
  const { ids, ms: draftMs } = proposed;
  if (!ids.length) {
    drafter.worth.failed(alike, draftMs);
    drafter.told?.(1, 0);
    return undefined;
  }
  const begun = now();
  const made = await runner.verify({ sequence: sequence!, sampler, length, ends }, ids, signal);
  return { answer, chosen, ids, made, before, draftMs, ms: now() - begun };
}

/** Counts what a step with guesses has given, of what its answer took. */
function noteTaken({ answer, chosen: { drafter, alike }, ids, made, ms, draftMs, before }: Checked): void {
  const taken = answer.tokens.length - before;
  if (taken < 1) return;
  const right = countRight(ids, made.slice(0, taken).map(({ id }) => id));
  drafter.worth.checked(alike, ids.length, right, ms, taken, draftMs);
  drafter.told?.(Math.min(ids.length, taken), right);
  answer.onGuesses?.(ids.length, taken - 1);
}

export function speculate(steps: AnswerSteps, runner: Runner, options: Options): Speculating {
  const { most = Infinity, budgetBytes = Infinity, all, rowBytes, now = () => performance.now() } = options;
  const mostGuesses = Math.min(most, runner.mostTogether - 1, Math.floor(budgetBytes / rowBytes));
  const times = createStepTimes();
  const drafters = createDrafters(options, times, now);
  const plain = createPlainSteps(times, now);
  const answering = new WeakSet<Answer>(); // those that have tokens of their own, as embedded texts have not
  let checked: Checked | undefined;

  /** What is best checked next of the tokens that are known so far. */
  function choose(answers: readonly Answer[], left = Infinity): Chosen | undefined {
    const [answer] = answers;
    const room = Math.min(mostGuesses, left - 1);
    // A state that is advanced cannot be set back by a few tokens, nor what a policy has sealed.
    if (room < 1 || answers.length > 1 || answer.alone || answer.sequence?.memory || answer.sequence?.shaped) return undefined;
    return bestOf(drafters.all, answer.tokens, room, all);
  }

  async function check(answer: Answer, chosen: Chosen, signal?: AbortSignal): Promise<Token[] | undefined> {
    const begun = now();
    const made = await checkGuesses(runner, drafters, answer, chosen, now, signal);
    plain.checked(answer, now() - begun, chosen.drafter.worth);
    checked = made;
    answer.length += made?.made.length ?? 0;
    return made?.made;
  }

  /** Counts what the last step with guesses has given, once it was taken. */
  function count(): void {
    if (checked) noteTaken(checked);
    checked = undefined;
  }

  function tell({ onNotice }: Answer): void {
    if (onNotice) drafters.notices.splice(0).forEach((notice) => onNotice(notice));
  }

  return {
    ...steps,
    async ready() {
      await runner.warm();
      for (const drafter of drafters.all) await drafters.trying(drafter, async () => drafter.ready?.());
    },
    async prefill(answer, alone) {
      count();
      plain.end();
      const [begun, left] = [now(), answer.promptLeft];
      const first = await steps.prefill(answer, alone);
      times.prompt(left - answer.promptLeft, now() - begun);
      if (first?.length) answering.add(answer);
      return first;
    },
    release(answer, gaveWay) {
      count();
      tell(answer);
      if (!gaveWay && answering.has(answer)) drafters.all.forEach(({ end }) => end?.(answer.tokens));
      plain.end();
      steps.release(answer, gaveWay);
    },
    // Where the next tokens can be guessed, nothing is made ahead of them.
    readsBehind(answers) {
      if (!steps.readsBehind(answers)) return false;
      const chosen = choose(answers);
      plain.readFirst(answers[0], chosen && { worth: chosen.drafter.worth, alike: chosen.alike, ids: chosen.ids ?? [] });
      return !chosen;
    },
    async decode(answers, most, signal) {
      count();
      const [answer] = answers;
      tell(answer);
      const chosen = answer.length === answer.tokens.length ? choose(answers, Math.min(most, answer.tokensLeft)) : undefined;
      const tokens = chosen && (await check(answer, chosen, signal));
      if (tokens) return { count: tokens.length, tokens: [Promise.resolve(tokens)] };
      plain.goOn(answer);
      const made = await steps.decode(answers, most, signal);
      plain.note(answers, made.count);
      return made;
    },
  };
}
