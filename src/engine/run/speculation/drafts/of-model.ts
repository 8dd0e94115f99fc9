// Guesses that a model writes, one token after the other: the same weights over a shortened text (short-context.ts), or a smaller model over all
// of it. Its own sequence keeps what was said, so that a guess that was right need not be run again.
import { type Sequence } from '../../../../kv/sequence.ts';
import { type Sampler } from '../../../../model/sampling/sampler.ts';
import { type Runner } from '../../runner.ts';
import { sharedPrefix } from '../../sequences.ts';
import { type Drafter } from '../drafter.ts';
import { type StepTimes, createTimeLine } from '../step-times.ts';
import { type Worth } from '../worth.ts';

export interface ModelDraft {
  /** For people. */
  name: string;
  worth: Worth;
  times: StepTimes;
  runner: Runner;
  sequence: Sequence;
  /** The likeliest token each time: what is drawn at a place is for the model that checks it. */
  sampler(): Promise<Sampler>;
  /** What it goes on from in place of `tokens`, with `most` tokens to come; undefined where it cannot. */
  textFor(tokens: readonly number[], most: number): readonly number[] | undefined;
  /** Of the model that checks: a guess beyond it is none. */
  vocab: number;
  /** What a token takes until it is known, as a share of a step of one token of the model that checks it. */
  assumedShare(tokens: number): number;
  now(): number;
}

/** Tokens that are run before guesses as a step has them, not as a beginning. */
const fewMissing = 8;
/** Guesses behind more right ones are all the same. */
const mostStreak = 14;
const assumedWeight = 0.25;

export function draftOfModel({ name, worth, times, runner, sequence, sampler, textFor, vocab, assumedShare, now }: ModelDraft): Drafter {
  const on = runner.of(sequence);
  let streak = 0; // guesses that were right since one was wrong
  let share = 1;
  let runMs: number | undefined; // of a token of a text, where many are run
  const ofTokens = createTimeLine(() => [1, 8].map((count) => ({ count, ms: count * share * times.plainMs, weight: assumedWeight })));

  const sharedWith = (text: readonly number[]) => sharedPrefix(sequence.tokens, text, text.length - 1);

  return {
    name, worth,
    ready: async () => on.warm(await sampler()),
    look(tokens, most) {
      const text = textFor(tokens, most);
      if (!text) return undefined;
      share = assumedShare(tokens.length);
      const missing = text.length - sharedWith(text);
      const begin = missing > fewMissing ? missing * (runMs ?? Math.min(1, share) * (times.promptTokenMs || times.plainMs)) : 0;
      return { alike: 2 + streak, most, cost: { begin, of: ofTokens.of } };
    },
    async propose(tokens, most, signal) {
      const begun = now();
      const text = textFor(tokens, most)!;
      const shared = sharedWith(text);
      const ids: number[] = [];
      await on.feed(text.slice(shared), shared, signal);
      let firstAt = begun;
      for await (const made of on.tokens(await sampler(), text.length, most, signal)) {
        if (!ids.length) firstAt = now();
        ids.push(...made.map(({ id }) => id));
      }
      sequence.note(text.length, ids.slice(0, -1)); // the last one was chosen and not run
      const made = ids.length;
      const beyond = ids.findIndex((id) => id >= vocab);
      if (beyond >= 0) ids.length = beyond;
      const missing = text.length - shared;
      if (missing <= fewMissing) return { ids, ms: ofTokens.note(made, now() - begun) };
      runMs = (firstAt - begun) / missing;
      worth.began(firstAt - begun);
      return { ids, ms: now() - firstAt };
    },
    told(guesses, right) {
      streak = right < guesses ? 0 : Math.min(mostStreak, streak + right);
    },
  };
}
