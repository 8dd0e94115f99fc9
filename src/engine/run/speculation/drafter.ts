// What guesses next tokens, whatever it guesses by; each kind is a file of `drafts`. Knows no step and no GPU.
import { type Cost, type Worth } from './worth.ts';

/** What a drafter could guess now. */
export interface Prospect {
  /** How sure it may be: the tokens before that were alike, or were guessed rightly, as `Worth` tells them apart; 2 at least. */
  alike: number;
  /** Tokens that it could guess. */
  most: number;
  /** Where they are known already. */
  ids?: readonly number[];
  /** What they cost; nothing if not given. */
  cost?: Cost;
}

export interface Drafter {
  /** For people, as in `the draft model NAME`. */
  readonly name: string;
  readonly worth: Worth;
  /** Runs once what it runs on the GPU, before any answer. */
  ready?(): Promise<void>;
  /** What it could guess behind `tokens`, `most` at most; undefined where that is nothing. Costs next to nothing. */
  look(tokens: readonly number[], most: number): Prospect | undefined;
  /** Up to `most` tokens that are likely to follow, with what it took to be asked for them; `ms` is of the last ones, not of what made it ready. */
  propose(tokens: readonly number[], most: number, signal?: AbortSignal): Promise<{ ids: readonly number[]; ms: number }>;
  /** So many were guessed, of which the first `right` were right. */
  told?(guesses: number, right: number): void;
  /** No more follows a text of which some was answered. */
  end?(tokens: readonly number[]): void;
}

/** What is best checked next: so many tokens of a drafter. */
export interface Chosen {
  drafter: Drafter;
  alike: number;
  count: number;
  /** Where they are known. */
  ids?: readonly number[];
}

/** Of what drafters could guess behind `tokens` what pays best, or nothing; `all`: whatever it costs, the first that has something. */
export function bestOf(drafters: readonly Drafter[], tokens: readonly number[], most: number, all = false): Chosen | undefined {
  let best: (Chosen & { speed: number }) | undefined;
  for (const drafter of drafters) {
    const found = drafter.look(tokens, most);
    if (!found?.most) continue;
    const { alike, cost } = found;
    const { count, speed } = all ? { count: found.most, speed: 1 } : drafter.worth.choose(alike, found.most, cost);
    if (count && speed > (best?.speed ?? 0)) best = { drafter, alike, count, ids: found.ids?.slice(0, count), speed };
  }
  return best;
}
