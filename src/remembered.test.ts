import { expect, it } from 'vitest';
import { remembered } from './remembered.ts';

it('makes for a key once, but again what came to nothing', async () => {
  const known = new Map<string, Promise<number>>();
  let made = 0;
  const make = async (): Promise<number> => {
    if (++made === 1) throw new Error('not yet');
    return made;
  };
  await expect(remembered(known, 'a', make)).rejects.toThrow('not yet');
  const second = remembered(known, 'a', make);
  expect(remembered(known, 'a', make)).toBe(second);
  expect([await second, await remembered(known, 'b', make), made]).toEqual([2, 3, 3]);
});
