import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../../random.ts';
import { createStepTimes } from './step-times.ts';
import { type Worth, createWorth } from './worth.ts';

/** With what is told of steps of one token. */
function createTold() {
  const times = createStepTimes();
  return { ...createWorth(times), plain: times.plain };
}

const best = (worth: Worth, alike: number, guesses: number): number => worth.choose(alike, guesses).count;

/** Plays a text: each token is guessed behind a run of `alike`, and right with the probability of `right`; `time` gives what a step of so many rows takes. */
function play({ tokens = 400, alike = 3, right, time }: { tokens?: number; alike?: number; right: number; time(rows: number): number }) {
  const worth = createTold();
  const random = mulberry32(7);
  let [made, ms, steps] = [0, 0, 0];
  while (made < tokens) {
    const guesses = best(worth, alike, 7);
    let found = 0;
    while (found < guesses && random() < right) found++;
    const took = time(guesses + 1);
    if (guesses) worth.checked(alike, guesses, found, took);
    else worth.plain(took);
    ms += took;
    made += found + 1;
    steps++;
  }
  return { speed: made / ms / (1 / time(1)), perStep: made / steps };
}

describe('what guesses are worth', () => {
  it('is nothing before steps of one token were measured', () => {
    const worth = createTold();
    expect(best(worth, 32, 7)).toBe(0);
    worth.plain(10);
    worth.plain(10);
    expect(best(worth, 32, 7)).toBe(7);
    worth.checked(32, 2, 2, 12);
    expect(best(worth, 32, 7)).toBe(7);
    expect(best(worth, 32, 4)).toBe(4);
    expect(best(worth, 32, 0)).toBe(0);
  });

  it('is all of them where guesses are right and rows cost little', () => {
    const { speed, perStep } = play({ right: 0.97, alike: 12, time: (rows) => 10 + 0.1 * rows });
    expect(perStep).toBeGreaterThan(5);
    expect(speed).toBeGreaterThan(5);
  });

  it('is a few of them where rows cost more', () => {
    const { speed, perStep } = play({ right: 0.8, alike: 12, time: (rows) => 10 + 2 * rows });
    expect(speed).toBeGreaterThan(1.5);
    expect(perStep).toBeLessThan(5);
  });

  it('loses at most two parts of a hundred where guesses are wrong', () => {
    for (const time of [(rows: number) => 10 + 0.1 * rows, (rows: number) => 5 + 5 * rows, (rows: number) => (rows === 1 ? 10 : 60)]) {
      for (const alike of [2, 5, 20]) expect(play({ tokens: 1000, right: 0, alike, time }).speed).toBeGreaterThan(0.98);
    }
  });

  it('loses at most as much of a short text', () => {
    for (const time of [(rows: number) => 10 + 0.1 * rows, (rows: number) => 8.5 + 1.5 * rows])
      for (const alike of [2, 5, 20]) expect(play({ tokens: 100, right: 0, alike, time }).speed).toBeGreaterThan(0.98);
  });

  it('loses at most as much where guesses are right and still too dear', () => {
    expect(play({ tokens: 1000, right: 0.5, alike: 20, time: (rows) => (rows === 1 ? 10 : 20 * rows) }).speed).toBeGreaterThan(0.98);
  });

  it('does not suffer from one step that was held up, nor from the first', () => {
    for (const late of [1, 3]) {
      const worth = createTold();
      for (let i = 0; i < 20; i++) worth.plain(10);
      for (let i = 1; i <= 4; i++) worth.checked(12, 4, 4, i === late ? 200 : 15);
      expect(best(worth, 12, 7)).toBeGreaterThan(3);
    }
  });

  it('counts in full what is late twice, and so tries it no third time', () => {
    const worth = createTold();
    let tries = 0;
    for (let i = 0; i < 40_000; i++) {
      if (best(worth, 12, 7)) {
        tries++;
        worth.checked(12, 4, 0, 1000);
      } else worth.plain(10);
    }
    expect(tries).toBeLessThanOrEqual(2);
    const read = createTold();
    for (let i = 0; i < 20; i++) read.plain(10);
    for (let i = 0; i < 2; i++) read.waited(1000, 5);
    for (let i = 0; i < 10_000; i++) read.plain(10);
    expect(best(read, 32, 7)).toBe(0); // 1900 ms are more than a hundredth of 100 s
  });

  it('learns nothing false where an answer ends within guesses, or of guesses that were not looked at', () => {
    const [ended, plain, told] = [createTold(), createTold(), createTold()];
    for (const worth of [ended, plain, told]) for (let i = 0; i < 20; i++) worth.plain(10);
    for (let i = 0; i < 30; i++) {
      plain.checked(4, 2, 2, 12);
      ended.checked(4, 7, 2, 12, 2); // both were right, and of the others nothing is known
      told.told(4, 7, 0, 1);
    }
    expect(best(ended, 4, 7)).toBeGreaterThanOrEqual(best(plain, 4, 2));
    expect(best(told, 4, 7)).toBe(0);
    told.waited(1000, 5);
    expect(best(told, 32, 7)).toBe(0); // three times the five tokens' time was lost
  });

  it('learns that a text begins to repeat itself', () => {
    const worth = createTold();
    for (let i = 0; i < 20; i++) worth.plain(10);
    for (let i = 0; i < 40 && best(worth, 4, 7); i++) worth.checked(4, best(worth, 4, 7), 0, 11);
    for (let i = 0; i < 400; i++) worth.plain(10);
    expect(best(worth, 20, 7)).toBeGreaterThan(0);
  });
});
