import { expect, it } from 'vitest';
import { BudgetError } from '../../errors.ts';
import { createFrames } from './frames.ts';
import { createPageHome } from './page-home.ts';
import { begunAt } from './paging.ts';

it('the page that was used longest ago and is not held makes room', () => {
  const frames = createFrames(2);
  const held = new Set<number>();
  const take = (page: number) => frames.take(page, (other) => held.has(other));
  expect([take(10), take(11)]).toEqual([0, 1]);
  frames.use(10);
  expect(take(12), 'the place of 11').toBe(1);
  expect(frames.use(11)).toBeUndefined();
  held.add(10);
  expect(take(13), 'the place of 12').toBe(1);
  held.add(13);
  expect(take(14)).toBeUndefined();
  frames.drop((page) => page === 10);
  expect(take(14)).toBe(0);
});

it('a copy of frames has the same pages in the same places, and takes the others', () => {
  const frames = createFrames(3);
  [7, 8].forEach((page) => frames.take(page, () => false));
  const copy = createFrames(3);
  copy.take(1, () => false);
  copy.copyFrom(frames);
  expect([copy.use(7), copy.use(8), copy.has(1), copy.take(9, () => true)]).toEqual([0, 1, false, 2]);
});

it('pages are found at home by row and head, up to where they are cut, and no more than were planned', () => {
  const home = createPageHome([8, 0], [2, 2], 20);
  const row = (n: number) => Uint8Array.of(n, n, n, n, 100 + n, 100 + n, 100 + n, 100 + n);
  for (let n = 0; n < 20; n++) home.append(0, row(n));
  expect([...home.page(0, 17, 1)]).toEqual([117, 117, 117, 117]);
  expect(home.byteLength).toBe(160);
  expect(() => home.append(0, row(20))).toThrow('planned to have 20');
  home.cut(17);
  home.append(0, row(50));
  expect([home.byteLength / 8, home.page(0, 17, 0)[0], home.page(0, 16, 0)[0]]).toEqual([18, 50, 16]);
  expect(home.parts(0).map(({ byteLength }) => byteLength)).toEqual([128, 16]);
  const copy = createPageHome([8, 0], [2, 2], 20);
  copy.copyFrom(home);
  home.append(0, row(1));
  expect([copy.byteLength / 8, [...copy.page(0, 17, 1)]]).toEqual([18, [150, 150, 150, 150]]);
});

it('the row of a run that goes on behind those at home is found, also where runs are as long as pages', () => {
  const rows = (first: number, each: number) => [0, 1, 2, 5].map((home) => begunAt({ first, each }, home));
  expect(rows(4, 16), 'slots 20 to 36, 52 to 68, 148 to 164').toEqual([0, 0, 1, 4]);
  expect(rows(32, 32)).toEqual([0, 1, 2, 5]);
  expect(rows(40, 32), 'from 40 to 72').toEqual([0, 1, 1, 4]);
});

it('memory that there is not is told with its bytes, and what was there stays', () => {
  const home = createPageHome([8, 2 ** 50], [1, 1], 20);
  home.append(0, new Uint8Array(8).fill(7));
  expect(() => home.append(1, new Uint8Array(8))).toThrow(BudgetError);
  expect(() => home.append(1, new Uint8Array(8))).toThrow(/no room for 17179869184\.0 MiB more\. Choose a shorter context/);
  expect([home.byteLength, [...home.page(0, 0, 0)]]).toEqual([8, new Array(8).fill(7)]);
});
