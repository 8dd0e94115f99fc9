import { expect, it } from 'vitest';
import { rmsNorm } from './rms-norm.ts';

it('divides each row by its root mean square and multiplies by the weight', () => {
  // mean of squares (9 + 16) / 2 = 12.5; with eps 3.5 the root is 4
  expect([...rmsNorm(Float32Array.of(3, 4, 0, 0), Float32Array.of(1, 2), 3.5)]).toEqual([0.75, 2, 0, 0]);
});
