// That others have turns while an index is made, which takes long, and that it may be ended.
import { expect, it } from 'vitest';
import { mulberry32 } from '../../../random.ts';
import { kvFormat } from '../../formats/catalogue.ts';
import { createLayerIndex } from './layer-index.ts';
import { createWalker } from './walk.ts';

const capacity = 256;

/** Of two heads, with some queries. */
function filled() {
  const format = kvFormat('f32');
  const random = mulberry32(5);
  const pages = Array.from({ length: capacity / 32 }, () => new Uint8Array(Float32Array.from({ length: format.words(8) }, () => random() - 0.5).buffer));
  const index = createLayerIndex({
    kvHeads: 2, queryHeads: 2, headDim: 8, format, first: 0, capacity, index: { share: 0.1, least: 32 }, walker: createWalker(capacity),
    page: (row) => pages[row],
  });
  index.note(Float32Array.from({ length: 64 * 2 * 8 }, () => random() - 0.5));
  return index;
}

it('whoever gives turns is told of what queries are, of keys that are taken and reached, and of queries that are learned, one by one', async () => {
  const index = filled();
  const told: number[] = [];
  await index.grow(capacity, true, (operations) => void told.push(operations));
  expect(index.count).toBe(capacity);
  expect(told).toHaveLength(2 * (2 * 64 + 2 * capacity + 64));
  expect(Math.max(...told), 'of some 2 ** 25 between turns').toBeLessThan(2 ** 20);
});

it.each([1, 200, 400, 1300])('has no index where it is ended after %i pieces of work, and a whole one when it is made again', async (after) => {
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
  let told = 0;
  await index.grow(capacity, true, () => void told++);
  const remembered = (told / 2 - 2 * capacity) / 3; // each is seen for both factors, and learned
  expect(remembered).toBeLessThanOrEqual(512);
  expect(remembered).toBeGreaterThan(256);
});
