// Of steps of many rows, against draws that are counted.
import { expect, it } from 'vitest';
import { mulberry32 } from '../../../random.ts';
import { distinctItems } from './prompt-items.ts';

const cases = [[128, 8, 1], [128, 8, 16], [128, 8, 512], [32, 4, 7], [8, 8, 3]];
it.each(cases)('of %i experts, %i for each row, %i rows use as many as draws count', (items, used, rows) => {
  const random = mulberry32(1);
  const rounds = 400;
  let counted = 0;
  for (let round = 0; round < rounds; round++) {
    const found = new Set<number>();
    for (let row = 0; row < rows; row++) {
      const left = Array.from({ length: items }, (_, item) => item);
      for (let i = 0; i < used; i++) found.add(left.splice(Math.floor(random() * left.length), 1)[0]);
    }
    counted += found.size / rounds;
  }
  expect(distinctItems(items, used, rows) / counted).toBeCloseTo(1, 1.5);
  expect(distinctItems(items, used, rows)).toBeLessThanOrEqual(items);
});
