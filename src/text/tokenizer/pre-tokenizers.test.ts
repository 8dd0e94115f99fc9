import { describe, expect, it } from 'vitest';
import { preTokenizers, splitWords } from './pre-tokenizers.ts';
import { timed } from '../../../test/timed.ts';

// That the words are right is shown by the ids in tokenizer.test.ts.
describe.each([...new Map([...preTokenizers].map(([name, pre]) => [pre.patterns, { name, pre }])).values()])('the pre-tokenizer $name', ({ pre }) => {
  const length = 300_000;
  it.each([
    ['lower-case letters', 'a'.repeat(length)],
    ['upper-case letters', 'A'.repeat(length)],
    ['letters that count as both', 'é'.repeat(length)],
    ['letters of two cases', 'aA'.repeat(length / 2)],
    ['letters of planes beyond the first', '𐐀'.repeat(length / 2)],
    ['spaces, then a word', `${' '.repeat(length)}中`],
    ['newlines and spaces', '\n '.repeat(length / 2)],
    ['digits', '1'.repeat(length)],
    ['punctuation', '!'.repeat(length)],
    ['apostrophes', "'s".repeat(length / 2)],
    ['combining marks', '\u0301'.repeat(length)],
    ['unassigned characters', '\u0378'.repeat(length)],
  ])('cuts 300,000 %s in no long time and loses nothing', (what, text) => {
    const words = timed(`cutting 300,000 ${what}`, 1, () => splitWords(pre, text));
    expect(words.join('')).toBe(text);
    expect(words.every((word) => word.length > 0)).toBe(true);
  });
});
