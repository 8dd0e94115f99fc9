// Steps in which an answer's next tokens are guessed from what was said before, in it or in answers before it, and checked several at a
// time (Leviathan et al., arXiv 2211.17192, with lookup in place of a model that drafts). What is chosen is what would be chosen one by one.
import { type SpeculationOptions, type Token } from '../../../protocol.ts';
import { type Answer } from '../answer/answers.ts';
import { type Runner } from '../runner.ts';
import { type Steps } from '../schedule/scheduler.ts';
import { type Guess, type Places, createPlaces } from './places.ts';
import { createPlainSteps } from './plain-steps.ts';
import { countRight } from './verify.ts';
import { createWorth } from './worth.ts';

type AnswerSteps = Steps<Answer, Token>;

/** Earlier answers in which guesses are looked up, and most tokens of them together. */
const mostTexts = 8;
const mostTextTokens = 2 ** 16;

interface Text {
  tokens: readonly number[];
  places: Places;
}

interface Options extends SpeculationOptions {
  /** Whatever that costs. */
  all?: boolean;
  /** What a guess takes on the GPU. */
  rowBytes: number;
  /** Milliseconds. */
  now?: () => number;
}

/** A step with guesses whose tokens are still to be taken, of which an answer that ends may leave some. */
interface Checked {
  answer: Answer;
  guess: Guess;
  made: readonly Token[];
  ms: number;
  /** Tokens before it. */
  before: number;
}

export function speculate(steps: AnswerSteps, runner: Runner, options: Options): AnswerSteps {
  const { most = Infinity, budgetBytes = Infinity, all, rowBytes, now = () => performance.now() } = options;
  const mostGuesses = Math.min(most, runner.mostTogether - 1, Math.floor(budgetBytes / rowBytes));
  const texts = createTexts();
  const worth = createWorth();
  const plain = createPlainSteps(worth, now);
  const answering = new WeakSet<Answer>(); // those that have tokens of their own, as embedded texts have not
  let checked: Checked | undefined;

  /** What is best checked next of the tokens that are known so far. */
  function guess(answers: readonly Answer[], left = Infinity): Guess | undefined {
    const [answer] = answers;
    // A state that is advanced cannot be set back by a few tokens, nor what a policy has sealed.
    if (answers.length > 1 || answer.alone || answer.sequence?.memory || answer.sequence?.shaped) return undefined;
    const found = texts.guess(answer.tokens, Math.min(mostGuesses, left - 1));
    const count = !found || all ? found?.ids.length : worth.best(found.alike, found.ids.length);
    return count ? { ...found!, ids: found!.ids.slice(0, count) } : undefined;
  }

  async function check(answer: Answer, guess: Guess, signal?: AbortSignal): Promise<Token[]> {
    const begun = now();
    const before = answer.tokens.length;
    const { sequence, sampler, length, ends } = answer;
    const made = await runner.verify({ sequence: sequence!, sampler, length, ends }, guess.ids, signal);
    checked = { answer, guess, made, before, ms: now() - begun };
    answer.length += made.length;
    return made;
  }

  /** Counts what the last step with guesses has given, once it was taken. */
  function count(): void {
    if (!checked) return;
    const { answer, guess: { alike, ids }, made, ms, before } = checked;
    checked = undefined;
    const taken = answer.tokens.length - before;
    if (taken < 1) return;
    const right = countRight(ids, made.slice(0, taken).map(({ id }) => id));
    worth.checked(alike, ids.length, right, ms, taken);
    answer.onGuesses?.(ids.length, taken - 1);
  }

  return {
    ...steps,
    async prefill(answer, alone) {
      count();
      plain.end();
      const first = await steps.prefill(answer, alone);
      if (first?.length) answering.add(answer);
      return first;
    },
    release(answer, gaveWay) {
      count();
      if (!gaveWay && answering.has(answer)) texts.end(answer.tokens);
      plain.end();
      steps.release(answer, gaveWay);
    },
    // Where the next tokens can be guessed, nothing is made ahead of them.
    readsBehind(answers) {
      if (!steps.readsBehind(answers)) return false;
      const found = guess(answers);
      plain.readFirst(answers[0], found);
      return !found;
    },
    async decode(answers, most, signal) {
      count();
      const [answer] = answers;
      const guessed = answer.length === answer.tokens.length ? guess(answers, Math.min(most, answer.tokensLeft)) : undefined;
      if (guessed) {
        plain.end();
        const tokens = await check(answer, guessed, signal);
        return { count: tokens.length, tokens: [Promise.resolve(tokens)] };
      }
      plain.goOn(answer);
      const made = await steps.decode(answers, most, signal);
      plain.note(answers, made.count);
      return made;
    },
  };
}

/** The texts of answers under way, by their tokens, and of the last ones that have ended. */
function createTexts() {
  const underWay = new WeakMap<readonly number[], Places>();
  let ended: Text[] = []; // the latest first

  function placesOf(tokens: readonly number[]): Places {
    let places = underWay.get(tokens);
    if (!places) underWay.set(tokens, (places = createPlaces(tokens)));
    places.update();
    return places;
  }

  return {
    /** Behind the longest run; in the text itself, if it is as long there. */
    guess(tokens: readonly number[], most: number): Guess | undefined {
      if (most < 1) return undefined;
      const before = ended.filter((text) => text.tokens !== tokens).map(({ places }) => places);
      const found = [placesOf(tokens), ...before].map((places) => places.find(tokens, most));
      return found.reduce((best, each) => (each?.ids.length && each.alike > (best?.alike ?? 0) ? each : best), undefined);
    },
    end(tokens: readonly number[]): void {
      const goesOn = (text: Text) => text.tokens.length <= tokens.length && text.tokens.every((id, i) => id === tokens[i]);
      let sum = 0;
      ended = [{ tokens, places: placesOf(tokens) }, ...ended.filter((text) => !goesOn(text))]
        .filter((text, i) => (sum += text.tokens.length) <= mostTextTokens && i < mostTexts);
    },
  };
}
