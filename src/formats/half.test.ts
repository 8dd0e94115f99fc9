import { describe, expect, it } from 'vitest';
import { floatToHalf, halfToFloat } from './half.ts';

const roundToHalf = (value: number) => halfToFloat(floatToHalf(value));

describe('floatToHalf', () => {
  it('leaves every f16 value as it is', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfToFloat(bits);
      if (!Object.is(roundToHalf(value), value)) expect(roundToHalf(value), `bits ${bits.toString(16)}`).toBe(value);
    }
  });

  it('takes the nearer neighbour, the even one in the middle', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halfToFloat(bits), halfToFloat(bits + 1)];
      const middle = (low + high) / 2;
      const quarter = (high - low) / 4;
      const found = [middle - quarter, middle, middle + quarter].map(roundToHalf);
      const expected = [low, bits % 2 ? high : low, high];
      if (found.some((value, i) => value !== expected[i])) expect(found, `between ${low} and ${high}`).toEqual(expected);
    }
  });

  it('rounds to infinity from halfway past the largest number', () => {
    expect([65519.99, 65520, -1e9].map(roundToHalf)).toEqual([65504, Infinity, -Infinity]);
  });
});
