import { expect, it } from 'vitest';
import { layerNorm } from './layer-norm.ts';

it('subtracts the mean of each row and divides by its deviation', () => {
  // Rows of mean 2 and -1, variances 1 and 9.
  const found = layerNorm(Float32Array.of(1, 3, 1, 3, -4, 2, 2, -4), Float32Array.of(1, 1, 2, 2), 0);
  expect([...found]).toEqual([-1, 1, -2, 2, -1, 1, 2, -2]);
  expect(layerNorm(Float32Array.of(1, 3), Float32Array.of(1, 1), 3)[1]).toBe(0.5); // 1 / sqrt(1 + 3)
});
