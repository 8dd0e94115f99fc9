// Measuring the GPU in several tabs: one after the other, but none waits for ever.
import { expect, it } from 'vitest';
import { whileNoneMeasures } from './locks.ts';

/** A lock manager of one lock, as far as it is asked here. */
function fakeLocks() {
  let last: Promise<unknown> = Promise.resolve();
  const locks = {
    request: (_name: string, { signal }: { signal: AbortSignal }, work: () => Promise<unknown>) => {
      const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      const granted = last.then(() => !signal.aborted && work());
      last = granted.catch(() => undefined);
      return Promise.race([granted, aborted]);
    },
  };
  return locks as unknown as LockManager;
}

it('lets one measure after the other', async () => {
  const locks = fakeLocks();
  const log: string[] = [];
  const measure = (name: string) => whileNoneMeasures(locks, 60_000, async () => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve));
    log.push(`${name} ends`);
    return name;
  });
  expect(await Promise.all([measure('a'), measure('b')])).toEqual(['a', 'b']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

it('hands errors on, and runs the work where there are no locks, or where it was held up for too long', async () => {
  const locks = fakeLocks();
  await expect(whileNoneMeasures(locks, 60_000, () => Promise.reject(new Error('The GPU was reset.')))).rejects.toThrow('reset');
  expect(await whileNoneMeasures(undefined, 1, async () => 7)).toBe(7);
  let end = (): void => {};
  const stuck = whileNoneMeasures(locks, 60_000, () => new Promise<void>((resolve) => (end = resolve)));
  expect(await whileNoneMeasures(locks, 1, async () => 8)).toBe(8);
  end();
  await stuck;
});
