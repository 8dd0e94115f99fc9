import { expect, test } from 'vitest';
import { largestThat, largestUpTo } from './bisect.ts';

test('the border is found wherever it is, in few steps', () => {
  for (let border = -1; border <= 40; border++) {
    let asked = 0;
    const found = largestThat((value) => (asked++, value <= border), 3, 35);
    expect(found).toBe(border < 3 ? undefined : Math.min(border, 35));
    expect(asked).toBeLessThanOrEqual(7);
  }
  expect(largestThat(() => true, 4, 3)).toBeUndefined();
});

test('where small ones do not hold either it is sought by halves', () => {
  for (const [least, border] of [[1, 40], [40, 40], [3, 9], [4, 5], [17, 20]]) {
    let asked = 0;
    expect(largestUpTo((value) => (asked++, value >= least && value <= border), 40)).toBe(border);
    expect(asked).toBeLessThanOrEqual(16);
  }
  expect(largestUpTo(() => false, 1000)).toBeUndefined();
});
