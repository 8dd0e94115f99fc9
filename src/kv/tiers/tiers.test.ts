import { expect, it } from 'vitest';
import { BudgetError } from '../../errors.ts';
import { createFrames } from './frames.ts';
import { memoryScratch } from '../../../test/doubles/memory-scratch.ts';
import { type PageHome, createPageHome } from './page-home.ts';
import { begunAt } from './paging.ts';
import { createScratch } from './scratch.ts';

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

const row = (n: number) => Uint8Array.of(n, n, n, n, 100 + n, 100 + n, 100 + n, 100 + n);
const given = { rowBytes: [8, 0], kvHeads: [2, 2], mostRows: 20, memoryRows: 20 };

async function lengthsOf(home: PageHome, layer: number): Promise<number[]> {
  const lengths: number[] = [];
  for await (const { byteLength } of home.parts(layer)) lengths.push(byteLength);
  return lengths;
}

it('pages are found at home by row and head, up to where they are cut, and no more than were planned', async () => {
  const home = createPageHome(given);
  for (let n = 0; n < 20; n++) await home.append(0, row(n));
  expect([...(await home.page(0, 17, 1))]).toEqual([117, 117, 117, 117]);
  expect(home.byteLength).toBe(160);
  await expect(home.append(0, row(20))).rejects.toThrow('planned to have 20');
  home.cut(17);
  await home.append(0, row(50));
  expect([home.byteLength / 8, (await home.page(0, 17, 0))[0], (await home.page(0, 16, 0))[0]]).toEqual([18, 50, 16]);
  expect(await lengthsOf(home, 0)).toEqual([128, 16]);
  const copy = createPageHome(given);
  await copy.copyFrom(home);
  await home.append(0, row(1));
  expect([copy.byteLength / 8, [...(await copy.page(0, 17, 1))]]).toEqual([18, [150, 150, 150, 150]]);
});

/** Of what a home has: the first number of each page. */
const firstsOf = (home: PageHome, rows: number): Promise<number[][]> =>
  Promise.all(Array.from({ length: rows }, (_, at) => Promise.all([0, 1].map(async (head) => (await home.page(0, at, head))[0]))));
const expected = (numbers: readonly number[]): number[][] => numbers.map((n) => [n, 100 + n]);

it('rows that memory has no room for are had back from a file, slow as that may be, in order and also behind a cut, and go with it', async () => {
  const file = memoryScratch({ slow: true });
  const home = createPageHome({ ...given, memoryRows: 3 }, file.open);
  for (let n = 0; n < 10; n++) await home.append(0, row(n));
  expect([home.byteLength, home.storedBytes]).toEqual([24, 56 + 7 * 2 * 28]);
  expect(await firstsOf(home, 10)).toEqual(expected([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  expect(home.readBytes).toBe(56);
  expect(await lengthsOf(home, 0)).toEqual([56, 16, 8]); // 7 of the file; rows 7 and 8, and 9, which lies in front of them
  home.cut(8);
  await home.append(0, row(50));
  expect(await firstsOf(home, 9)).toEqual(expected([0, 1, 2, 3, 4, 5, 6, 7, 50]));
  home.cut(5); // of what is in the file too
  for (const n of [60, 61, 62, 63]) await home.append(0, row(n));
  expect(await firstsOf(home, 9)).toEqual(expected([0, 1, 2, 3, 4, 60, 61, 62, 63]));
  const copy = createPageHome({ ...given, memoryRows: 3 }, file.open);
  await copy.copyFrom(home);
  expect([await firstsOf(copy, 9), copy.storedBytes]).toEqual([expected([0, 1, 2, 3, 4, 60, 61, 62, 63]), 48 + 6 * 2 * 28]);
  expect(file.there.size).toBe(2);
  await Promise.all([home.free(), copy.free()]);
  expect(file.there.size).toBe(0);
});

it('what lies in the file is not what pages say, and a change of it is told', async () => {
  const file = memoryScratch();
  const home = createPageHome({ rowBytes: [64], kvHeads: [1], mostRows: 20, memoryRows: 1 }, file.open);
  for (let n = 0; n < 3; n++) await home.append(0, new Uint8Array(64).fill(7));
  const [[bytes]] = [[...file.there.values()]];
  expect(bytes.filter((byte) => byte === 7).length, 'of 128 of two pages').toBeLessThan(32);
  bytes[70] ^= 1;
  await expect(home.page(0, 0, 0)).rejects
    .toThrow('Page 0 of the keys and values of layer 0 cannot be read from storage: it is not what was written there last.');
  expect((await home.page(0, 1, 0))[0]).toBe(7);
});

it('a page that storage gives back in the place of another, or as it was before the row was written again, is told', async () => {
  const file = memoryScratch();
  const home = createPageHome({ rowBytes: [64, 64], kvHeads: [2, 1], mostRows: 20, memoryRows: 1 }, file.open);
  const page = 32 + 28;
  const append = async (n: number) => {
    for (const layer of [0, 1]) await home.append(layer, new Uint8Array(64).fill(n));
  };
  for (let n = 0; n < 4; n++) await append(n);
  const bytes = (): Uint8Array => [...file.there.values()][0];
  const isTold = (layer: number, row: number, head: number) =>
    expect(home.page(layer, row, head)).rejects.toThrow(`Page ${row} of the keys and values of layer ${layer} cannot be read from storage: it is not what was`);
  const whole = bytes().slice();
  bytes().copyWithin(0, page, 2 * page); // the second head's page for the first one's
  await isTold(0, 0, 0);
  bytes().set(whole);
  const stride = 2 * page + 64 + 28;
  bytes().copyWithin(stride, 0, stride); // row 0 for row 1, of both layers
  for (const [layer, head] of [[0, 0], [0, 1], [1, 0]]) await isTold(layer, 1, head);
  bytes().set(whole);
  expect([(await home.page(0, 0, 0))[0], (await home.page(1, 1, 0))[0]]).toEqual([0, 1]);
  home.cut(1);
  for (const n of [7, 8, 9]) await append(n);
  expect((await home.page(0, 1, 1))[0]).toBe(7);
  bytes().set(whole.subarray(stride, 2 * stride), stride); // as if the second write had been lost
  for (const [layer, head] of [[0, 0], [0, 1], [1, 0]]) await isTold(layer, 1, head);
});

it('storage that is full, fails or is not there is told, and what was there stays', async () => {
  const of = { ...given, memoryRows: 2 };
  const full = memoryScratch({ most: 3 * (8 + 2 * 28) });
  const home = createPageHome(of, full.open);
  for (let n = 0; n < 5; n++) await home.append(0, row(n));
  await expect(home.append(0, row(5))).rejects.toMatchObject({ name: 'BudgetError', code: 'storage_full', message: expect.stringMatching(/^Storage is full/) });
  expect(await firstsOf(home, 5)).toEqual(expected([0, 1, 2, 3, 4]));
  const failing = memoryScratch({ failsReads: true });
  const other = createPageHome(of, failing.open);
  for (let n = 0; n < 5; n++) await other.append(0, row(n));
  await expect(other.page(0, 0, 0)).rejects
    .toThrow(/cannot be read from storage: the disk has gone\. A conversation that was being run is emptied, .*; one that was only copied or saved stays\./);
  const none = createPageHome(of, () => Promise.reject(new Error('no such files here.')));
  for (let n = 0; n < 2; n++) await none.append(0, row(n));
  const refused = await none.append(0, row(2)).catch((error: unknown) => error as Error & { code?: string });
  expect((refused as Error).message).toMatch(/none can be made: no such files here\. .* Choose a larger kvOptions\.memory/);
  expect((refused as Error).name).toBe('Error');
  expect(refused).not.toHaveProperty('code');
  const tight = createPageHome(of, () => Promise.reject(new DOMException('no room', 'QuotaExceededError')));
  for (let n = 0; n < 2; n++) await tight.append(0, row(n));
  await expect(tight.append(0, row(2))).rejects.toMatchObject({ name: 'BudgetError', code: 'storage_full' });
  await none.free();
});

it('files of sequences that were not closed go with their model, also one that is opened while it goes', async () => {
  const file = memoryScratch();
  const scratch = createScratch(file.open);
  await scratch.open();
  await (await scratch.open()).remove();
  expect(file.there.size).toBe(1);
  const late = scratch.open();
  await scratch.removeAll();
  await late;
  expect(file.there.size).toBe(0);
});

it('a file that could not be removed is tried again with its model', async () => {
  const file = memoryScratch();
  let fails = 1;
  const scratch = createScratch(async () => {
    const made = await file.open();
    return { ...made, remove: () => (fails-- > 0 ? Promise.reject(new Error('it is in use')) : made.remove()) };
  });
  await expect((await scratch.open()).remove()).rejects.toThrow('it is in use');
  expect(file.there.size).toBe(1);
  await scratch.removeAll();
  expect(file.there.size).toBe(0);
});

it('the row of a run that goes on behind those at home is found, also where runs are as long as pages', () => {
  const rows = (first: number, each: number) => [0, 1, 2, 5].map((home) => begunAt({ first, each }, home));
  expect(rows(4, 16), 'slots 20 to 36, 52 to 68, 148 to 164').toEqual([0, 0, 1, 4]);
  expect(rows(32, 32)).toEqual([0, 1, 2, 5]);
  expect(rows(40, 32), 'from 40 to 72').toEqual([0, 1, 1, 4]);
});

it('memory that there is not is told with its bytes, and what was there stays', async () => {
  const home = createPageHome({ rowBytes: [8, 2 ** 50], kvHeads: [1, 1], mostRows: 20, memoryRows: 20 });
  await home.append(0, new Uint8Array(8).fill(7));
  await expect(home.append(1, new Uint8Array(8))).rejects.toThrow(BudgetError);
  await expect(home.append(1, new Uint8Array(8))).rejects.toThrow(/no room for 17179869184\.0 MiB more\. Choose a shorter context/);
  expect([home.byteLength, [...(await home.page(0, 0, 0))]]).toEqual([8, new Array(8).fill(7)]);
});
