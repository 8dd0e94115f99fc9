import { expect, test } from 'vitest';
import { readVocabularyFixture } from '../../test/fixtures/text/read.ts';
import { breakersOf } from './dry-breakers.ts';
import { type Tokenizer, createTokenizer } from './tokenizer/tokenizer.ts';

/** Tokens of these texts, and of each character by itself. */
function tokenizerOf(...texts: string[]): Tokenizer {
  const pieces = texts.map((text) => new TextEncoder().encode(text));
  const encode = (text: string) => [...text].map((character) => texts.indexOf(character));
  return { vocabSize: texts.length, piece: (id: number) => pieces[id], encode } as unknown as Tokenizer;
}

const sorted = (breakers: ReturnType<typeof breakersOf>) =>
  Object.fromEntries(breakers.map(({ tail, heads }) => [tail.join(' '), heads.toSorted((a, b) => a - b)]));

test('a text is found within tokens, and where it begins at the end of one and goes on in others', () => {
  const tokenizer = tokenizerOf('a', 'b', 'c', 'xab', 'ab', 'abcd', 'xabcx', 'ca', 'aab', 'bc');
  expect(sorted(breakersOf(tokenizer, ['abc']))).toEqual({ '': [5, 6], '2': [3, 4, 8], '1 2': [0, 7] });
  expect(sorted(breakersOf(tokenizer, ['a', 'bc']))).toEqual({ '': [0, 3, 4, 5, 6, 7, 8, 9], '2': [1, 3, 4, 8] });
  expect(sorted(breakersOf(tokenizer, ['aa']))).toEqual({ '': [8], '0': [0, 7] });
  expect(breakersOf(tokenizer, [])).toEqual([]);
});

test('half a character is no place to go on from', () => {
  expect(sorted(breakersOf(tokenizerOf('é', '!', 'aé', 'a'), ['é!']))).toEqual({ '1': [0, 2] });
});

test('texts and tokens beyond what counts are cut', () => {
  const tokenizer = tokenizerOf('a', 'b', 'a'.repeat(45));
  expect(sorted(breakersOf(tokenizer, [`${'a'.repeat(41)}b`]))).toEqual({ '': [2], [Array(20).fill(0).join(' ')]: [0] });
});

test('the usual ones of a real vocabulary are single tokens, each of which has one of the texts', async () => {
  const tokenizer = createTokenizer(await readVocabularyFixture('gpt-2'));
  const [{ tail, heads }, ...others] = breakersOf(tokenizer, ['\n', ':', '"', '*']);
  expect([tail, others]).toEqual([[], []]);
  expect(heads).toContain(tokenizer.encode('\n')[0]);
  expect(heads.length).toBeGreaterThan(100);
  expect(heads.filter((id) => !/[\n:"*]/.test(tokenizer.decode([id], { special: true })))).toEqual([]);
  expect(breakersOf(tokenizer, ['\n', ':', '"', '*'])).toBe(breakersOf(tokenizer, ['\n', ':', '"', '*']));
});
