// What is kept of the items that steps used: the last ones, none of prompts, and nothing that is of another model.
import { expect, it } from 'vitest';
import { areOf, createUsesLog } from './uses.ts';

const layout = (...counts: number[]) => ({
  sections: [0, ...counts].map((count, i) => ({
    name: `${i}`, vectors: [], vectorBytes: 0, stacks: [], byteLength: 0,
    ...(count && { pool: { offset: 0, itemBytes: 8, items: Array.from({ length: count }, () => []) } }),
  })),
});

it('keeps the last uses of single rows, those of before first', () => {
  const log = createUsesLog([[1, 5, 6], [2, 7]], 8);
  expect(log.uses()).toEqual([[1, 5, 6], [2, 7]]);
  log.note(1, [1, 2], 2); // of a prompt whose rows chose the same
  log.note(1, [4, 5], 1);
  expect(log.uses()).toEqual([[1, 5, 6], [2, 7], [1, 4, 5]]);
  const copy = log.uses();
  log.note(2, [8], 1); // ten numbers: the oldest go
  expect(log.uses()).toEqual([[2, 7], [1, 4, 5], [2, 8]]);
  expect(copy).toHaveLength(3);
  for (let i = 0; i < 1000; i++) log.note(1, [i, i + 1], 1);
  expect(log.uses()).toEqual([[1, 998, 999], [1, 999, 1000]]);
});

it('is known to be of a model, or not to be', () => {
  expect(areOf(layout(4, 8), [[1, 3, 0], [2, 7]])).toBe(true);
  for (const other of [undefined, 'text', [[1, 4]], [[0, 0]], [[3, 0]], [[-1, 0]], [[1, -1]], [[1, 0.5]], [['1']], [[]], [[1, 2], 5]])
    expect(areOf(layout(4, 8), other), JSON.stringify(other)).toBe(false);
});
