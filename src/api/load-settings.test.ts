import { expect, test } from 'vitest';
import { parseBytes } from '../bytes.ts';
import { RequestError } from '../errors.ts';
import { toLoadOptions } from './load-settings.ts';
import { toModelSource } from './model-source.ts';

test.each([
  ['2GiB', 2 ** 31],
  ['1.5 GB', 1.5e9],
  ['800mib', 800 * 2 ** 20],
  [4096, 4096],
  ['4096', 4096],
])('reads %j as %d bytes', (size, bytes) => expect(parseBytes(size, 'budget')).toBe(bytes));

test.each(['', '2 lots', '-1', 'GiB', 0, NaN, Infinity, '1e9'])('refuses %j as a budget', (size) => {
  expect(() => toLoadOptions({ budget: size })).toThrow(RequestError);
});

test('keys and values have a type that there is', () => {
  expect(toLoadOptions({ kv: 'q8' })).toMatchObject({ kv: 'q8' });
  expect(toLoadOptions({}).kv).toBeUndefined();
  expect(() => toLoadOptions({ kv: 'q1' as never })).toThrow(/^kv is "q1"; it must be one of f32, f16, q8/);
});

test('a model is a URL, a file, bytes or a source', () => {
  const file = new File([], 'a.gguf');
  const bytes = new ArrayBuffer(1);
  expect(toModelSource('https://example.org/a b.gguf')).toEqual({ url: 'https://example.org/a%20b.gguf' });
  expect(toModelSource(file)).toEqual({ file });
  expect(toModelSource(bytes)).toEqual({ bytes });
  expect(toModelSource({ stored: 'x' })).toEqual({ stored: 'x' });
  expect(() => toModelSource('no base here')).toThrow('"no base here" is no http or https address, and no owner/repo');
  for (const url of ['localhost:8080/m.gguf', 'file:///m.gguf', 'javascript:1']) expect(() => toModelSource({ url })).toThrow('no http or https address');
  expect(() => toModelSource(7 as never)).toThrow(RequestError);
});

test('what of experts is read, and what gates go through, are of the words there are', () => {
  expect(toLoadOptions({ experts: 'neurons', activation: 'relu' })).toMatchObject({ experts: 'neurons', activation: 'relu' });
  expect(() => toLoadOptions({ experts: 'all' as never })).toThrow('experts is "all"; it must be one of whole, neurons.');
  expect(() => toLoadOptions({ activation: 'gelu' as never })).toThrow('activation is "gelu"; it must be one of silu, relu.');
});

test('adapters are files of one part each, with a number', () => {
  const file = new File([], 'a.gguf');
  const adapters = [{ source: file, scale: 0.5 }, { source: 'https://example.org/a b.gguf' }];
  expect(toLoadOptions({ adapters }).adapters).toEqual([{ source: { file }, scale: 0.5 }, { source: { url: 'https://example.org/a%20b.gguf' } }]);
  expect(() => toLoadOptions({ adapters: [{ source: file }, {}] as never })).toThrow('adapters[1].source is undefined; it must be a URL');
  expect(() => toLoadOptions({ adapters: [{ source: { stored: 'x' } }] as never })).toThrow('adapters[0].source is {"stored":"x"}; it must be one file');
  expect(() => toLoadOptions({ adapters: [{ source: file, scale: NaN }] })).toThrow('adapters[0].scale is NaN');
  expect(() => toLoadOptions({ adapters: file as never })).toThrow('adapters is');
});
