import { afterEach, expect, test, vi } from 'vitest';
import { anySignal, everySignal } from './signals.ts';

afterEach(() => vi.unstubAllGlobals());

test.each(['native', 'older'])('a %s browser joins signals, with the reason of the first', (kind) => {
  if (kind === 'older') vi.stubGlobal('AbortSignal', {});
  const [a, b] = [new AbortController(), new AbortController()];
  const joined = anySignal([a.signal, b.signal]);
  expect(joined.aborted).toBe(false);
  b.abort('left');
  a.abort('too late');
  expect([joined.aborted, joined.reason]).toEqual([true, 'left']);
  expect(anySignal([new AbortController().signal, b.signal]).reason).toBe('left');
  expect(anySignal([]).aborted).toBe(false);
});

test('signals end together once all of them have, and never where one is missing', () => {
  const [a, b, c] = [new AbortController(), new AbortController(), new AbortController()];
  c.abort('before');
  const joined = everySignal([a.signal, b.signal, c.signal])!;
  a.abort('first');
  expect(joined.aborted).toBe(false);
  b.abort('last');
  expect([joined.aborted, joined.reason]).toEqual([true, 'last']);
  expect(everySignal([a.signal, b.signal])!.aborted).toBe(true);
  expect(everySignal([a.signal, undefined])).toBeUndefined();
  expect(everySignal([a.signal])).toBe(a.signal);
  expect(everySignal([])).toBeUndefined();
});
