import { expect, it } from 'vitest';
import { InvalidFileError } from '../errors.ts';
import { type Metadata } from './header.ts';
import { getBoolean, getInteger, getNumber, getNumbers, getString, getStrings } from './metadata.ts';

const metadata: Metadata = new Map<string, Metadata extends ReadonlyMap<string, infer V> ? V : never>([
  ['count', 7],
  ['huge', 2n ** 60n],
  ['base', 0.5],
  ['name', 'llama'],
  ['flag', false],
  ['tokens', ['a', 'b']],
  ['scores', new Float32Array([1, 2])],
  ['longs', [1, 2n ** 60n]],
]);

it('gives values by type', () => {
  expect(getNumber(metadata, 'base')).toBe(0.5);
  expect(getInteger(metadata, 'count')).toBe(7);
  expect(getString(metadata, 'name')).toBe('llama');
  expect(getBoolean(metadata, 'flag', true)).toBe(false);
  expect(getStrings(metadata, 'tokens')).toEqual(['a', 'b']);
  expect(getNumbers(metadata, 'scores')).toEqual(new Float32Array([1, 2]));
});

it('gives the fallback only where the key is missing', () => {
  expect(getNumber(metadata, 'absent', 3)).toBe(3);
  expect(() => getNumber(metadata, 'name', 3)).toThrow(/name is the string "llama"; needed is a number/);
});

it.each([
  [() => getNumber(metadata, 'absent'), /has no absent; needed is a number/],
  [() => getNumber(metadata, 'huge'), /huge is the bigint "1152921504606846976"; needed is a number/],
  [() => getInteger(metadata, 'base'), /base is the number "0.5"; needed is an integer of at least 0/],
  [() => getString(metadata, 'tokens'), /tokens is an array of 2 \(the first a string\); needed is a string/],
  [() => getStrings(metadata, 'scores'), /scores is an array of 2 numbers; needed is an array of strings/],
  [() => getNumbers(metadata, 'longs'), /longs is an array of 2 .*needed is an array of numbers/],
  [() => getBoolean(metadata, 'count'), /count is the number "7"; needed is a boolean/],
])('names key, actual and needed type (%#)', (get, message) => {
  expect(get).toThrow(message);
  expect(get).toThrow(InvalidFileError);
});
