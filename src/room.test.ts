// Which stored models go first.
import { expect, it } from 'vitest';
import { leastUsed } from './room.ts';

it('Room is made by the models that were not used for longest, by none if all together are too small', () => {
  const models = [{ id: 'a', lastUsed: 30, byteLength: 100 }, { id: 'b', lastUsed: 10, byteLength: 50 }, { id: 'c', lastUsed: 20, byteLength: 80 }];
  const ids = (needBytes: number) => leastUsed(models, needBytes).map(({ id }) => id);
  expect([ids(0), ids(10), ids(51), ids(131), ids(231)]).toEqual([[], ['b'], ['b', 'c'], ['b', 'c', 'a'], []]);
});
