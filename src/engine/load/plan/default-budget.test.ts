import { expect, test } from 'vitest';
import { type KnownMemory, defaultBudget } from './default-budget.ts';

const GiB = 2 ** 30;

test.each<[string, number, KnownMemory, number]>([
  ['half of a small memory', 2 * GiB, { deviceMemory: 4 }, 2 * GiB],
  ['no more than 4 GiB in a page, however much memory there is', 4 * GiB, { deviceMemory: 32 }, 4 * GiB],
  ['4 GiB where the browser does not tell', 2 * GiB, {}, 4 * GiB],
  ['1 GiB where it does not tell and allows small buffers only, as on phones', GiB, {}, GiB],
  ['eight buffers of a device that allows small ones only', 2 ** 28, { deviceMemory: 8 }, 2 * GiB],
  ["half of the machine's memory on the command line", 4 * GiB, { memoryBytes: 48 * GiB }, 24 * GiB],
  ['... also of a small one', 4 * GiB, { memoryBytes: 4 * GiB }, 2 * GiB],
  ['... in eight buffers at most', GiB, { memoryBytes: 48 * GiB }, 8 * GiB],
  ['... and in software as in a page', 4 * GiB, { memoryBytes: 48 * GiB, software: true }, 4 * GiB],
])('the budget when nobody names one is %s', (_, maxBufferSize, memory, bytes) => expect(defaultBudget({ maxBufferSize }, memory)).toBe(bytes));
