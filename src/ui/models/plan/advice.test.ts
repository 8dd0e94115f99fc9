import { expect, test } from 'vitest';
import { BudgetError, DeviceError } from '../../../errors.ts';
import { type Layout } from '../../../weights/layout.ts';
import { memoryStore } from '../../../../test/doubles/memory-store.ts';
import { checkQuota } from '../../../weights/import/quota.ts';
import { adviceFor } from './advice.ts';

test('other tabs are named where the GPU is too small, not where storage is', async () => {
  const layout = { byteLength: 100, slabs: [{ byteLength: 100 }] } as Layout;
  const full: Error = await checkQuota({ store: memoryStore(), estimate: async () => ({ quota: 10, usage: 0 }) }, 'new', layout).then(
    () => expect.fail('there is no room'),
    (error: Error) => error,
  );
  expect(full).toBeInstanceOf(BudgetError);
  expect(adviceFor(full)).toBeUndefined();
  expect(adviceFor(new BudgetError("The browser's storage is full: the model needs 100 bytes.", { code: 'storage_full' }))).toBeUndefined();
  expect(adviceFor(new BudgetError('The GPU could not allocate 100 MiB for weights.'))).toContain('close other tabs');
});

test('a lost GPU has general advice, an error that says all has none', () => {
  expect(adviceFor(new DeviceError('The GPU was lost.'))).toMatch(/^Reload the page/);
  expect(adviceFor(new Error('Anything.'))).toBeUndefined();
});
