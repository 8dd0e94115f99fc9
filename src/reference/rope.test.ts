import { describe, expect, it } from 'vitest';
import { type Rotation, rotate } from './rope.ts';

const x = Float32Array.from({ length: 3 * 2 * 8 }, (_, i) => Math.sin(i * i + 1)); // (3 tokens, 2 heads, 8)
const frequencies = Float64Array.of(1, 0.1, 0.01, 0.001);
const pairs: Rotation = { layout: 'pairs', frequencies, magnitude: 1 };
const halves: Rotation = { layout: 'halves', frequencies, magnitude: 1 };
const length = (row: Float32Array) => Math.hypot(...row);

describe('rotate', () => {
  it('turns a pair by position times frequency', () => {
    const quarter: Rotation = { ...pairs, frequencies: Float64Array.of(Math.PI / 2) };
    const turned = rotate(Float32Array.of(1, 2, 1, 2), 1, 2, 1, quarter); // positions 1 and 2
    [-2, 1, -1, -2].forEach((value, i) => expect(turned[i]).toBeCloseTo(value, 6));
  });

  it('leaves position 0 and the dimensions after the rotated ones as they are', () => {
    expect(rotate(x.subarray(0, 16), 2, 8, 0, halves)).toEqual(x.subarray(0, 16));
    const partial = rotate(x, 2, 8, 5, { ...halves, frequencies: frequencies.subarray(0, 2) });
    for (let start = 0; start < x.length; start += 8) expect(partial.subarray(start + 4, start + 8)).toEqual(x.subarray(start + 4, start + 8));
  });

  it('keeps the length of every head, times the magnitude', () => {
    for (const rotation of [pairs, halves, { ...pairs, magnitude: 1.25 }]) {
      const turned = rotate(x, 2, 8, 77, rotation);
      for (let start = 0; start < x.length; start += 8) {
        expect(length(turned.subarray(start, start + 8))).toBeCloseTo(length(x.subarray(start, start + 8)) * rotation.magnitude, 5);
      }
    }
  });

  it('makes the product of a query and a key depend on their distance alone', () => {
    const dot = (a: number, b: number) => {
      const query = rotate(x.subarray(0, 8), 1, 8, a, pairs);
      const key = rotate(x.subarray(8, 16), 1, 8, b, pairs);
      return query.reduce((sum, value, i) => sum + value * key[i], 0);
    };
    expect(dot(40, 33)).toBeCloseTo(dot(1007, 1000), 5);
    expect(Math.abs(dot(40, 33) - dot(40, 32))).toBeGreaterThan(1e-3);
  });

  it('gives the same in both layouts after a permutation of dimensions', () => {
    const order = [0, 4, 1, 5, 2, 6, 3, 7]; // pairs dimension i holds halves dimension order[i]
    const permuted = x.map((_, i) => x[i - (i % 8) + order[i % 8]]);
    const fromHalves = rotate(x, 2, 8, 9, halves);
    rotate(permuted, 2, 8, 9, pairs).forEach((value, i) => expect(value).toBe(fromHalves[i - (i % 8) + order[i % 8]]));
  });
});
