import { describe, expect, it } from 'vitest';
import { roundToBytes } from './round-bytes.ts';

describe('roundToBytes', () => {
  it('keeps every value within half a step of its group, and the largest one', () => {
    const x = Float32Array.from({ length: 70 }, (_, i) => Math.sin(i) * (i < 32 ? 1 : 1000));
    const { values } = roundToBytes(x);
    for (const [start, end] of [[0, 32], [32, 64], [64, 70]]) {
      const group = [...x.subarray(start, end)];
      const largest = Math.max(...group.map(Math.abs));
      const errors = group.map((value, i) => Math.abs(value - values[start + i]));
      expect(Math.max(...errors)).toBeLessThanOrEqual((largest / (2 * 127 * 256)) * (1 + 1e-9));
      expect(errors[group.findIndex((value) => Math.abs(value) === largest)]).toBeLessThan(1e-9 * largest);
    }
  });

  it('has one byte where asked for', () => {
    const { values } = roundToBytes(Float32Array.of(127, 0.6, -3.4, 126.4), 1);
    expect([...values]).toEqual([127, 1, -3, 126]);
  });

  it('has zeros for zeros, and doubts only about halves', () => {
    expect(roundToBytes(new Float32Array(33)).values.every((value) => value === 0)).toBe(true);
    const { values, doubts } = roundToBytes(Float32Array.of(127 * 256, 0.5, 1.2, -0.499, 3));
    expect([...values].map(Math.abs)).toEqual([127 * 256, 1, 1, 0, 3]);
    expect([...doubts]).toEqual([0, 1, 0, 1, 0]);
  });
});
