import { describe, expect, it } from 'vitest';
import { quantise, roundToSteps } from './q8.ts';

describe('quantise', () => {
  it('takes the largest size as the scale and the nearest step of 1/127 of it', () => {
    const { scale, steps } = quantise(Float32Array.of(0.5, -127, 126.4, 126.6, 0.4, -0.6));
    expect(scale).toBe(127);
    expect([...steps]).toEqual([1, -127, 126, 127, 0, -1]);
  });

  it('keeps zeros', () => {
    expect(quantise(new Float32Array(5))).toEqual({ scale: 0, steps: new Int8Array(5) });
  });
});

describe('roundToSteps', () => {
  it('is off by half a step of its own head at most, whatever the size of other heads', () => {
    const numbers = Float32Array.from({ length: 3 * 20 }, (_, i) => Math.sin(i * 1.3) * [1e-12, 1, 1e20][Math.floor(i / 20)]);
    roundToSteps(numbers, 20).forEach((value, i) => {
      const head = numbers.subarray(i - (i % 20), i - (i % 20) + 20);
      const largest = Math.max(...head.map(Math.abs));
      expect(Math.abs(value - numbers[i]) / largest).toBeLessThan(0.5001 / 127);
    });
  });

  it('leaves what it has rounded as it is', () => {
    const once = roundToSteps(Float32Array.from({ length: 24 }, (_, i) => Math.cos(i * i)), 8);
    roundToSteps(once, 8).forEach((value, i) => expect(value).toBeCloseTo(once[i], 6));
  });
});
