// Steps in which an answer's next tokens are guessed from what was said before, in it or in answers before it, and checked several at a
// time (Leviathan et al., arXiv 2211.17192, with lookup in place of a model that drafts). What is chosen is what would be chosen one by one.
import { type SpeculationOptions, type Token } from '../../../protocol.ts';
import { type Answer } from '../answer/answers.ts';
import { type Runner } from '../runner.ts';
import { type Steps } from '../schedule/scheduler.ts';
import { type Guess, type Places, createPlaces } from './places.ts';
import { createWorth } from './worth.ts';

type AnswerSteps = Steps<Answer, Token>;

/** Earlier answers in which guesses are looked up, and most tokens of them together. */
const mostTexts = 8;
const mostTextTokens = 2 ** 16;

/** Steps of one token that follow each other before their times are those of one token: the first ones are submitted ahead. */
const settled = 2;

interface Text {
  tokens: readonly number[];
  places: Places;
}

interface Options extends SpeculationOptions {
  /** Whatever that costs. */
  all?: boolean;
  /** What a guess takes on the GPU. */
  rowBytes: number;
}

export function speculate(steps: AnswerSteps, runner: Runner, { most = Infinity, budgetBytes = Infinity, all, rowBytes }: Options): AnswerSteps {
  const mostGuesses = Math.min(most, runner.mostTogether - 1, Math.floor(budgetBytes / rowBytes));
  const texts = createTexts();
  const worth = createWorth();
  let last: { answer: Answer; at: number; steps: number } | undefined; // of steps of one token that follow each other

  /** What is best checked next of the tokens that are known so far. */
  function guess(answers: readonly Answer[], left = Infinity): Guess | undefined {
    const [answer] = answers;
    // A state that is advanced cannot be set back by a few tokens, nor what a policy has sealed.
    if (answers.length > 1 || answer.alone || answer.sequence?.memory || answer.sequence?.shaped) return undefined;
    const found = texts.guess(answer.tokens, Math.min(mostGuesses, left - 1));
    const count = !found || all ? found?.ids.length : worth.best(found.alike, found.ids.length);
    return count ? { ...found!, ids: found!.ids.slice(0, count) } : undefined;
  }

  async function check(answer: Answer, { alike, ids }: Guess, signal?: AbortSignal): Promise<Token[]> {
    const begun = performance.now();
    const { sequence, sampler, length } = answer;
    const tokens = await runner.verify({ sequence: sequence!, sampler, length }, ids, signal);
    const right = tokens.length - 1;
    worth.checked(alike, ids.length, right, performance.now() - begun);
    answer.onGuesses?.(ids.length, right);
    answer.length += tokens.length;
    return tokens;
  }

  function noteTime(answers: readonly Answer[], count: number): void {
    const [answer] = answers;
    const at = performance.now();
    const before = last?.answer === answer ? last : undefined;
    if (before && before.steps >= settled) worth.plain((at - before.at) / count);
    last = answers.length === 1 ? { answer, at, steps: (before?.steps ?? 0) + 1 } : undefined;
  }

  return {
    ...steps,
    async prefill(answer) {
      last = undefined;
      return steps.prefill(answer);
    },
    release(answer, gaveWay) {
      if (!gaveWay) texts.end(answer.tokens);
      if (last?.answer === answer) last = undefined;
      steps.release(answer, gaveWay);
    },
    // Where the next tokens can be guessed, nothing is made ahead of them.
    readsBehind: (answers) => steps.readsBehind(answers) && !guess(answers),
    async decode(answers, most, signal) {
      const [answer] = answers;
      const guessed = answer.length === answer.tokens.length ? guess(answers, Math.min(most, answer.tokensLeft)) : undefined;
      if (guessed) {
        last = undefined;
        const tokens = await check(answer, guessed, signal);
        return { count: tokens.length, tokens: [Promise.resolve(tokens)] };
      }
      const made = await steps.decode(answers, most, signal);
      noteTime(answers, made.count);
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
