// That others have turns while an index is made, which takes long, and that it may be ended.
import { expect, it } from 'vitest';
import { mulberry32 } from '../../../random.ts';
import { kvFormat } from '../../formats/catalogue.ts';
import { createScratch } from './key-index.ts';
import { createLayerIndex } from './layer-index.ts';

const capacity = 256;

/** Of two heads, with some queries. */
function filled() {
  const format = kvFormat('f32');
  const random = mulberry32(5);
  const pages = Array.from({ length: capacity / 32 }, () => new Uint8Array(Float32Array.from({ length: format.words(8) }, () => random() - 0.5).buffer));
  const index = createLayerIndex({
    kvHeads: 2, queryHeads: 2, headDim: 8, format, first: 0, capacity, index: { share: 0.1, least: 32 }, scratch: createScratch(capacity),
    page: (row) => pages[row],
  });
  index.note(Float32Array.from({ length: 64 * 2 * 8 }, () => random() - 0.5));
  return index;
}

it('whoever gives turns is told of some work at a time', async () => {
  const index = filled();
  const told: number[] = [];
  await index.grow(capacity / 2, true, (operations) => void told.push(operations));
  const made = told.length;
  expect(made).toBeGreaterThan(100);
  await index.grow(capacity, false, (operations) => void told.push(operations));
  expect(index.count).toBe(capacity);
  expect(told.length - made, 'of each key that is added').toBe(2 * (capacity / 2));
  expect(Math.max(...told), 'of some 2 ** 25 between turns').toBeLessThan(2 ** 20);
});

it.each([1, 200, 400, 800])('has no index where it is ended after %i pieces of work, and a whole one when it is made again', async (after) => {
  const index = filled();
  const end = new Error('ended');
  let done = 0;
  await expect(index.grow(capacity, true, () => {
    if (++done === after) throw end;
  })).rejects.toBe(end);
  expect([index.count, index.byteLength]).toEqual([0, 0]);
  await index.grow(capacity, false);
  expect(index.count).toBe(0);
  await index.grow(capacity, true);
  expect(index.count).toBe(capacity);
  const whole = filled();
  await whole.grow(capacity, true);
  const query = new Float32Array(8).fill(0.5);
  const [found, wanted] = [index, whole].map((each) => {
    const { ids, count } = each.search(1, query);
    return [...ids.subarray(0, count)];
  });
  expect(found).toEqual(wanted);
});

it('remembers queries of some hundred positions, however many it is given', async () => {
  const index = filled();
  for (let tick = 0; tick < 4; tick++) index.note(new Float32Array(700 * 2 * 8));
  const told: number[] = [];
  await index.grow(capacity, true, (operations) => void told.push(operations));
  const remembered = told.findIndex((operations) => operations !== 64); // each is seen for the moments of 8 numbers
  expect(remembered).toBeLessThanOrEqual(512);
  expect(remembered).toBeGreaterThan(256);
});

it.each(['f32', 'f16', 'q8'])('multiplies keys of %s where they lie', async (name) => {
  const format = kvFormat(name);
  const headDim = 18;
  const random = mulberry32(7);
  const heads = Array.from({ length: capacity }, () => Float32Array.from({ length: headDim }, () => random() - 0.5));
  const pages = Array.from({ length: capacity / 32 }, (_, row) => {
    const words = new Uint32Array(format.words(headDim));
    heads.slice(32 * row, 32 * (row + 1)).forEach((head, slot) => {
      const own = format.encode(head);
      for (let unit = 0; unit * format.unitWords < own.length; unit++)
        words.set(own.subarray(unit * format.unitWords, (unit + 1) * format.unitWords), (unit * 32 + slot) * format.unitWords);
    });
    return new Uint8Array(words.buffer);
  });
  const index = createLayerIndex({
    kvHeads: 1, queryHeads: 2, headDim, format, first: 4, capacity, index: { share: 0.5, least: 32 }, scratch: createScratch(capacity),
    page: (row) => pages[row],
  });
  await index.grow(capacity - 7, true);
  const query = Float32Array.from({ length: 20 }, (_, d) => (d < headDim ? random() - 0.5 : 0));
  const { ids, scores, count } = index.search(1, query);
  expect(count).toBeGreaterThan(60);
  for (let i = 0; i < count; i++) {
    const key = format.decode(format.encode(heads[4 + ids[i]]), headDim);
    expect(scores[i]).toBeCloseTo(key.reduce((sum, value, d) => sum + value * query[d], 0), 5);
  }
});

it('a copy finds what the index finds, and each has its own from then on', async () => {
  const [index, copy] = [filled(), filled()];
  await index.grow(capacity / 2, true);
  copy.copyFrom(index);
  const query = new Float32Array(8).fill(0.5);
  const found = (of: ReturnType<typeof filled>) => {
    const { ids, scores, count } = of.search(1, query);
    return { ids: [...ids.subarray(0, count)], scores: [...scores.subarray(0, count)] };
  };
  const before = found(index);
  expect(before.ids.length).toBeGreaterThan(8);
  expect(found(copy)).toEqual(before);
  await copy.grow(capacity, false);
  expect([index.count, copy.count]).toEqual([capacity / 2, capacity]);
  expect(found(index)).toEqual(before);
  await index.grow(capacity, false);
  expect(found(index)).toEqual(found(copy));
  copy.cut(8);
  expect([index.count, copy.count, copy.byteLength]).toEqual([capacity, 0, 0]);
});
