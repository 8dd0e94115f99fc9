import { afterEach, expect, test, vi } from 'vitest';
import { anySignal } from './signals.ts';

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
