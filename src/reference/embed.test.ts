import { expect, it } from 'vitest';
import { embed } from './embed.ts';

it('takes the rows of the ids, scaled', () => {
  const table = Float32Array.of(1, 2, 3, 4, 5, 6);
  expect([...embed(table, 2, [2, 0, 2])]).toEqual([5, 6, 1, 2, 5, 6]);
  expect([...embed(table, 3, Uint32Array.of(1), 0.5)]).toEqual([2, 2.5, 3]);
});
