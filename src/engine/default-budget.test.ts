import { expect, test } from 'vitest';
import { defaultBudget } from './default-budget.ts';

const GiB = 2 ** 30;

test.each([
  ['half of a small memory', 2 * GiB, 4, 2 * GiB],
  ['no more than 4 GiB, however much memory there is', 4 * GiB, 32, 4 * GiB],
  ['4 GiB where the browser does not tell', 2 * GiB, undefined, 4 * GiB],
  ['1 GiB where it does not tell and allows small buffers only, as on phones', GiB, undefined, GiB],
  ['eight buffers of a device that allows small ones only', 2 ** 28, 8, 2 * GiB],
])('the budget when nobody names one is %s', (_, maxBufferSize, memory, bytes) => expect(defaultBudget({ maxBufferSize }, memory)).toBe(bytes));
