// Which of both ways a kept conversation comes back by, of costs that are handed in.
import { expect, it } from 'vitest';
import { bringSeconds, soonest } from './load-or-run.ts';

const kept = { tokens: 1000, storedBytes: 20e6, reads: 31, codedBytes: 24e6, stateBytes: 25e6 };
const costs = { store: { secondsPerRead: 1e-3, secondsPerByte: 1e-9 }, perCodedByte: 5e-9, perUploadedByte: 1e-9 };

it('adds reads, bytes read, decoded and uploaded on the one side, and divides tokens by the speed of prompts on the other', () => {
  const { state, prompt } = bringSeconds(kept, { ...costs, prefillTokensPerSecond: 500 });
  expect(state).toBeCloseTo(0.031 + 0.02 + 0.12 + 0.025, 9);
  expect(prompt).toBe(2);
});

it.each([
  { prefillTokensPerSecond: 500, by: 'state' },
  { prefillTokensPerSecond: 10_000, by: 'prompt' },
  { prefillTokensPerSecond: 5000, perCodedByte: 7e-9, by: 'prompt' }, // 0.2 s against 0.244
  { prefillTokensPerSecond: 5000, by: 'state' }, // against 0.196
  { prefillTokensPerSecond: undefined, by: 'state' }, // which is not known
])('takes $by at $prefillTokensPerSecond tokens/s', ({ by, ...more }) => {
  expect(soonest(bringSeconds(kept, { ...costs, ...more }))).toBe(by);
});
