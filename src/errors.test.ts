import { expect, test } from 'vitest';
import { shown } from './errors.ts';

const circle: { self?: unknown } = {};
circle.self = circle;

test.each([
  [3n, '3'],
  [{ n: 3n }, '[object Object]'],
  [circle, '[object Object]'],
  [Object.create(null), '{}'],
  [NaN, 'NaN'],
  [undefined, 'undefined'],
  [Symbol('s'), 'Symbol(s)'],
  ['text', '"text"'],
  [null, 'null'],
  [[1], '[1]'],
  ['x'.repeat(100), `"${'x'.repeat(76)}...`],
])('%s is shown as %s', (value, text) => expect(shown(value)).toBe(text));

test('functions are shown by their text', () => expect(shown(() => 1)).toBe('() => 1'));
