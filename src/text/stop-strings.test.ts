import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../errors.ts';
import { createStopStrings } from './stop-strings.ts';

/** All that is shown when the text comes in these pieces. */
function shown(stops: string[], pieces: string[]): { text: string; stopped: boolean } {
  const stop = createStopStrings(stops);
  const results = pieces.map((piece) => stop.push(piece));
  return { text: results.map(({ text }) => text).join('') + stop.flush(), stopped: results.some(({ stopped }) => stopped) };
}

describe('stop strings', () => {
  it('end the text before the first of them, wherever the pieces are cut', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 }), { maxLength: 3 }),
        fc.array(letters, { maxLength: 6 }),
        (stops, pieces) => {
          const whole = pieces.join('');
          const { text, stopped } = shown(stops, pieces);
          // Expected: as if the text came letter by letter and ended as soon as a stop string is complete.
          let expected = whole;
          let found = false;
          for (let end = 1; end <= whole.length && !found; end++) {
            const starts = stops.filter((stop) => whole.slice(0, end).endsWith(stop)).map((stop) => end - stop.length);
            found = starts.length > 0;
            if (found) expected = whole.slice(0, Math.min(...starts));
          }
          expect(stopped).toBe(found);
          expect(text).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('hold back only what could still become one', () => {
    const stop = createStopStrings(['\nUser:']);
    expect(stop.push('Hello\n')).toEqual({ text: 'Hello', stopped: false });
    expect(stop.push('Us')).toEqual({ text: '', stopped: false });
    expect(stop.push('e it\n')).toEqual({ text: '\nUse it', stopped: false });
    expect(stop.push('User: Hi')).toEqual({ text: '', stopped: true });
    expect(stop.push('more')).toEqual({ text: '', stopped: true });
    expect(stop.flush()).toBe('');
  });

  it('let all text through when there are none', () => {
    expect(shown([], ['a', 'b'])).toEqual({ text: 'ab', stopped: false });
  });

  it('must not be empty', () => {
    expect(() => createStopStrings([''])).toThrow(RequestError);
  });
});
