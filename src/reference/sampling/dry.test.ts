import { expect, test } from 'vitest';
import { dry } from './dry.ts';

const probabilities = (logits: Float32Array): number[] => {
  const masses = [...logits].map(Math.exp);
  const all = masses.reduce((a, b) => a + b);
  return masses.map((mass) => Number((mass / all).toFixed(6)));
};
const flat = (vocab: number) => new Float32Array(vocab);
const usual = { multiplier: 1, base: 1.1, allowedLength: 2 };

// The numbers of llama.cpp's own test of DRY (tests/test-sampling.cpp).
test('has the numbers of llama.cpp', () => {
  expect(probabilities(dry(flat(4), [0, 1], { ...usual, last: 4 }, []))).toEqual([0.25, 0.25, 0.25, 0.25]);
  expect(probabilities(dry(flat(4), [0, 1, 2, 0, 1], { ...usual, last: 5 }, []))).toEqual([0.296923, 0.296923, 0.109232, 0.296923]);
  expect(probabilities(dry(flat(5), [0, 1, 2, 3, 4, 0, 1], { ...usual, allowedLength: 4, last: 7 }, []))).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
});

test('takes more off the longer what is as before is, of the longest of several places', () => {
  const { multiplier, base } = { multiplier: 0.8, base: 1.75 };
  const text = [1, 2, 3, 9, 8, 2, 3, 9, 7, 3, 5, 1, 2, 3]; // before 9: 1 2 3 and 2 3; before 5: 3
  expect([...dry(flat(10), text, { multiplier, base, allowedLength: 1 }, [])]).toEqual(
    [...flat(10)].map((_, id) => (id === 9 ? -Math.fround(0.8 * 1.75 ** 2) : id === 5 ? -Math.fround(0.8) : 0)).map(Math.fround),
  );
  expect(dry(flat(10), text, { multiplier, base, allowedLength: 3 }, [])[9]).toBeCloseTo(-0.8, 6);
});

test('looks no further back than it is told, and not beyond a text that ends repetitions', () => {
  const options = { multiplier: 1, base: 2, allowedLength: 1 };
  const text = [4, 1, 2, 3, 6, 4, 1, 2];
  expect(dry(flat(7), text, options, [])[3]).toBe(-4);
  expect(dry(flat(7), text, { ...options, last: 6 }, [])[3]).toBe(-1); // of the one before there is 2 alone
  expect(dry(flat(7), text, options, [{ tail: [], heads: [4] }])[3]).toBe(-2);
  expect(dry(flat(7), text, options, [{ tail: [1], heads: [4] }])[3]).toBe(-1);
  expect(dry(flat(7), text, options, [{ tail: [2], heads: [1, 5] }])[3]).toBe(0);
  expect(dry(flat(7), text, options, [{ tail: [2, 5], heads: [1] }])[3]).toBe(-4); // there it goes on otherwise
});
