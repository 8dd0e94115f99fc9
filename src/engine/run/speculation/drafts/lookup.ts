// Guesses that are looked up: what followed where the text ended as it does now, in it or in answers before it. Costs no GPU time.
import { type Drafter } from '../drafter.ts';
import { type Worth } from '../worth.ts';
import { type Guess, type Places, createPlaces } from './places.ts';

/** Earlier answers in which guesses are looked up, and most tokens of them together. */
const mostTexts = 8;
const mostTextTokens = 2 ** 16;

interface Text {
  tokens: readonly number[];
  places: Places;
}

export function createLookup(worth: Worth): Drafter {
  const texts = createTexts();
  const look = (tokens: readonly number[], most: number) => {
    const found = texts.guess(tokens, most);
    return found && { ...found, most: found.ids.length };
  };
  return {
    name: 'what was said before', worth, look,
    propose: async (tokens, most) => ({ ids: look(tokens, most)?.ids ?? [], ms: 0 }),
    end: texts.end,
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
