import { expect, test } from 'vitest';
import { keptWords } from './kept-words.ts';

test('what heads keep, in words', () => {
  expect(keptWords({ tokens: 1200, layers: [[132, 132], [132, 132]] })).toBe('Of 1,200 tokens each head has 132.');
  expect(keptWords({ tokens: 1200, layers: [[1200, 100], [200, 100]] })).toBe('Of 1,200 tokens heads have 100 to 1,200, 400 on average.');
});
