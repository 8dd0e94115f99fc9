import { expect, test } from 'vitest';
import { largestThat } from './bisect.ts';

test('the border is found wherever it is, in few steps', () => {
  for (let border = -1; border <= 40; border++) {
    let asked = 0;
    const found = largestThat((value) => (asked++, value <= border), 3, 35);
    expect(found).toBe(border < 3 ? undefined : Math.min(border, 35));
    expect(asked).toBeLessThanOrEqual(7);
  }
  expect(largestThat(() => true, 4, 3)).toBeUndefined();
});
