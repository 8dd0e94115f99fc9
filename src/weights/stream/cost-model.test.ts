import { expect, it } from 'vitest';
import { mulberry32 } from '../../random.ts';
import { aheadBytesFor, kneeBytes, measureReads, nearReads, readBytesFor, readSeconds } from './cost-model.ts';
import { memoryStore, type MemoryStore } from '../../../test/doubles/memory-store.ts';

/** A store on a clock of its own, whose reads take what `cost` says; whole slabs are 4 MiB. */
function slowStore(slabs: number, cost: (bytes: number) => number): { store: MemoryStore; slabBytes: number[]; now: () => number } {
  let ms = 0;
  const store = memoryStore();
  const slabBytes = Array.from({ length: slabs }, () => 2 ** 22);
  store.read = async (_id, slab, offset = 0, length = Infinity) => {
    ms += cost(Math.min(length, slabBytes[slab] - offset));
    return new Uint8Array(0);
  };
  return { store, slabBytes, now: () => ms };
}

it('finds what a read and what a byte costs', async () => {
  const { store, slabBytes, now } = slowStore(20, (bytes) => 0.5 + bytes / 1e6); // 0.5 ms and 1 GB/s
  const cost = (await measureReads((...range) => store.read('m', ...range), slabBytes, now))!;
  expect(cost.secondsPerRead).toBeCloseTo(0.5e-3, 6);
  expect(cost.secondsPerByte).toBeCloseTo(1e-9, 12);
  expect(kneeBytes(cost)).toBeCloseTo(5e5, -3);
  expect(readSeconds(cost, 1e6)).toBeCloseTo(1.5e-3, 6);
});

it('takes under a second on a slow disk too', async () => {
  const { store, slabBytes, now } = slowStore(64, (bytes) => 20 + bytes / 2e4); // 20 MB/s
  expect(await measureReads((...range) => store.read('m', ...range), slabBytes, now)).toBeDefined();
  expect(now()).toBeLessThan(1000);
});

it('says nothing of a model with too few slabs', async () => {
  const { store, now } = slowStore(1, () => 1);
  expect(await measureReads((...range) => store.read('m', ...range), [2 ** 22], now)).toBeUndefined();
  expect(await measureReads((...range) => store.read('m', ...range), [2 ** 19, 2 ** 19], now)).toBeUndefined();
});

it('asks for reads of at least the knee, however cheap a byte is of no more than 16 MiB', () => {
  expect(readBytesFor({ secondsPerRead: 1e-3, secondsPerByte: 1e-9 })).toBe(1e6);
  expect(readBytesFor({ secondsPerRead: 1e-3, secondsPerByte: 2e-11 })).toBe(2 ** 24);
  expect(readBytesFor({ secondsPerRead: 0, secondsPerByte: 1e-9 })).toBe(0);
});

it('reads further ahead the more a read costs beside its bytes: a slice at least, 16 MiB at most beyond that', () => {
  const cost = { secondsPerRead: 1e-3, secondsPerByte: 1e-9 }; // a knee of 1 MB
  expect(aheadBytesFor(cost, 2e6, 2e6)).toBe(4e6); // one on its way while another is copied
  expect(aheadBytesFor(cost, 1e5, 1e5)).toBe(11e5);
  expect(aheadBytesFor({ ...cost, secondsPerRead: 0 }, 3e6, 1e6)).toBe(3e6);
  expect(aheadBytesFor({ ...cost, secondsPerRead: 1 }, 1e5, 1e5)).toBe(2 ** 24);
  expect(aheadBytesFor(cost, 4e7, 16e6)).toBe(4e7);
});

it.each([[0.01, 40], [0.03, 29], [0.06, 12], [0.3, 3], [0.1, 0]])('foretells reads and bytes of items, a share of %f, read with gaps of %i', (share, gap) => {
  const [among, itemBytes] = [400_000, 16];
  const next = mulberry32(7);
  const items = Array.from({ length: among }, (_, n) => n).filter(() => next() < share);
  let [reads, bytes] = [0, 0];
  items.forEach((item, i) => {
    const before = i ? item - items[i - 1] - 1 : Infinity;
    reads += before > gap ? 1 : 0;
    bytes += itemBytes * (before > gap ? 1 : 1 + before);
  });
  const foretold = nearReads({ items: items.length, among, itemBytes, gapBytes: gap * itemBytes + 1 });
  expect(foretold.reads / reads).toBeCloseTo(1, 1);
  expect(foretold.bytes / bytes).toBeCloseTo(1, 1);
});

it('reads one item, or all of them, at once', () => {
  expect(nearReads({ items: 1, among: 9, itemBytes: 16, gapBytes: 0 })).toEqual({ reads: 1, bytes: 16 });
  expect(nearReads({ items: 9, among: 9, itemBytes: 16, gapBytes: 0 })).toEqual({ reads: 1, bytes: 144 });
});
