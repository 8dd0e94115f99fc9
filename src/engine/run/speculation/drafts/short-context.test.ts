import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../../../random.ts';
import { createShortened, partTokens, shortened } from './short-context.ts';

const random = mulberry32(3);
/** Words that come often, and a passage of its own at `at`. */
const passage = Array.from({ length: partTokens }, (_, i) => 5000 + i);
const textWith = (length: number, at: number): number[] => {
  const text = Array.from({ length }, () => Math.floor(200 * random()));
  text.splice(at, passage.length, ...passage);
  return text;
};

describe('a shortened text', () => {
  it('has the beginning, the passage that is asked for and the end, in their order, and room for what comes', () => {
    for (const at of [208, 528, 1424]) {
      const text = textWith(2000, at);
      const short = shortened(text, 256, passage.slice(4, 12));
      expect(short.slice(0, 16)).toEqual(text.slice(0, 16));
      expect(short.slice(-64)).toEqual(text.slice(-64));
      expect(short.join()).toContain(passage.slice(4, 12).join());
      expect(short.length).toBeLessThanOrEqual(256 * 0.75);
      expect(short.length).toBeGreaterThan(256 * 0.75 - partTokens);
      let from = 0;
      for (const id of short) { // a part of the text in its order
        from = text.indexOf(id, from) + 1;
        expect(from).toBeGreaterThan(0);
      }
    }
  });

  it('follows the last words too', () => {
    const text = [...textWith(1000, 300), ...passage.slice(0, 6)];
    expect(shortened(text, 256, []).slice(16, -64).join()).toContain(passage.join().slice(0, 20));
  });

  it('grows with the text until there is no room, and is of another text where that is another', () => {
    const shortOf = createShortened(256);
    const text = textWith(1000, 300);
    expect(shortOf(text.slice(0, 256), 7)).toBeUndefined();
    const first = [...shortOf(text, 7)!];
    text.push(1, 2, 3);
    expect(shortOf(text, 7)).toEqual([...first, 1, 2, 3]);
    for (let i = 0; i < 500; i++) {
      text.push(1000 + i);
      const short = shortOf(text, 7)!;
      expect(short.length + 7).toBeLessThanOrEqual(256);
      expect(short.slice(-40)).toEqual(text.slice(-40));
    }
    const other = textWith(800, 20);
    expect(shortOf(other, 7)!.slice(0, 16)).toEqual(other.slice(0, 16));
  });
});
