import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Guess, createPlaces, mostAlike, mostPlaces } from './places.ts';

/** By looking everywhere. */
function naive(known: readonly number[], text: readonly number[], most: number, isOwn: boolean): Guess | undefined {
  const places: { end: number; alike: number }[] = [];
  for (let end = known.length - 2; end >= 1; end--) {
    let alike = 0;
    while (alike < mostAlike && alike <= end && alike < text.length && known[end - alike] === text[text.length - 1 - alike]) alike++;
    if (alike >= 2) places.push({ end, alike });
  }
  const looked = places.slice(0, mostPlaces);
  const alike = Math.max(0, ...looked.map((place) => place.alike));
  const best = looked.find((place) => place.alike === alike);
  if (!best) return undefined;
  const ids = known.slice(best.end + 1, best.end + 1 + most);
  const period = text.length - 1 - best.end;
  while (isOwn && ids.length < most) ids.push([...known, ...ids][known.length + ids.length - period]);
  return { alike, ids };
}

const text = (alphabet: number) => fc.array(fc.integer({ min: 0, max: alphabet - 1 }), { maxLength: 160 });
const texts = fc.oneof(text(2), text(4), text(20), text(2 ** 20));

describe('places of a text', () => {
  it('are found as by looking everywhere, while the text grows', () => {
    fc.assert(fc.property(texts, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 40 }), (whole, most, step) => {
      const tokens: number[] = [];
      const places = createPlaces(tokens);
      for (let end = 0; end <= whole.length; end += step) {
        tokens.push(...whole.slice(tokens.length, end));
        places.update();
        expect(places.find(tokens, most)).toEqual(naive(tokens, tokens, most, true));
      }
    }));
  });

  it('are found for the end of another text', () => {
    fc.assert(fc.property(text(3), text(3), (known, other) => {
      const places = createPlaces(known);
      places.update();
      expect(places.find(other, 7)).toEqual(naive(known, other, 7, false));
    }));
  });

  it('of a period go on beyond its end', () => {
    const tokens = [9, 1, 2, 3, 1, 2, 3];
    const places = createPlaces(tokens);
    places.update();
    expect(places.find(tokens, 7)).toEqual({ alike: 3, ids: [1, 2, 3, 1, 2, 3, 1] });
  });

  it('are few to look at in a text of one token', () => {
    const tokens = Array.from({ length: 50_000 }, () => 5);
    const places = createPlaces(tokens);
    places.update();
    expect(places.find(tokens, 7)).toEqual({ alike: mostAlike, ids: [5, 5, 5, 5, 5, 5, 5] });
    expect(places.find([...tokens, 6], 7)).toBeUndefined();
  });
});
