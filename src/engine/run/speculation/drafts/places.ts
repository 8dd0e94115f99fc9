// Where the last tokens of a text stood before: what followed there is likely to follow here (prompt lookup, Saxena 2023). Places of the
// same two tokens are a chain from the latest back, as LZ77 coders keep them. Knows no model.

/** What is likely to come next. */
export interface Guess {
  /** Tokens before the place that are alike, up to `mostAlike`. */
  alike: number;
  ids: number[];
}

/** A text that grows at its end, and where each pair of its tokens stands. */
export interface Places {
  /** Takes the tokens that have come since the last call; a text only grows. */
  update(): void;
  /** After the longest run that ends `text` too, the latest of several; `text` may be another one. Up to `most` tokens. */
  find(text: readonly number[], most: number): Guess | undefined;
}

/** Runs that are longer are all the same. */
export const mostAlike = 32;
/** Places that are looked at, from the latest back: a bound on the time that a text of few different tokens takes. */
export const mostPlaces = 64;

/** A vocabulary has less than 2^20 tokens, so a pair is a whole number that is told exactly. */
const pairOf = (before: number, last: number): number => before * 2 ** 20 + last;

export function createPlaces(tokens: readonly number[]): Places {
  /** The end of the latest place of a pair, and before each the one before it, or -1. What has nothing behind it is not in. */
  const latest = new Map<number, number>();
  const earlier = [-1];

  function alikeAt(place: number, text: readonly number[]): number {
    let alike = 0;
    const end = text.length - 1;
    while (alike < mostAlike && alike <= place && alike <= end && tokens[place - alike] === text[end - alike]) alike++;
    return alike;
  }

  /** Where what follows runs into the end of the text that is guessed on, it goes on with what was guessed: a period repeats. */
  function after(place: number, text: readonly number[], most: number): number[] {
    const ids: number[] = [];
    for (let at = place + 1; ids.length < most; at++) {
      const id = at < tokens.length ? tokens[at] : tokens === text ? ids[at - tokens.length] : undefined;
      if (id === undefined) break;
      ids.push(id);
    }
    return ids;
  }

  return {
    update() {
      for (let end = earlier.length; end < tokens.length - 1; end++) {
        const pair = pairOf(tokens[end - 1], tokens[end]);
        earlier[end] = latest.get(pair) ?? -1;
        latest.set(pair, end);
      }
    },
    find(text, most) {
      if (text.length < 2) return undefined;
      let best = -1;
      let alike = 0;
      let place = latest.get(pairOf(text[text.length - 2], text[text.length - 1])) ?? -1;
      for (let n = 0; place >= 0 && n < mostPlaces && alike < mostAlike; n++, place = earlier[place]) {
        const here = alikeAt(place, text);
        if (here > alike) [best, alike] = [place, here];
      }
      return best < 0 ? undefined : { alike, ids: after(best, text, most) };
    },
  };
}
