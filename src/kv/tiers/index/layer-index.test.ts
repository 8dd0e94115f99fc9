// That others have turns while an index is made, which takes long.
import { expect, it } from 'vitest';
import { mulberry32 } from '../../../random.ts';
import { kvFormat } from '../../formats/catalogue.ts';
import { createLayerIndex } from './layer-index.ts';
import { createWalker } from './walk.ts';

it('others have turns while a head is indexed', async () => {
  const format = kvFormat('f32');
  const random = mulberry32(5);
  const capacity = 1024;
  const pages = Array.from({ length: capacity / 32 }, () => new Uint8Array(Float32Array.from({ length: format.words(8) }, () => random() - 0.5).buffer));
  const index = createLayerIndex({
    kvHeads: 1, queryHeads: 1, headDim: 8, format, first: 0, capacity, index: { share: 0.1, least: 32 }, walker: createWalker(capacity),
    page: (row) => pages[row],
  });
  index.note(Float32Array.from({ length: 8 * 8 }, () => random() - 0.5));
  let [turns, isMade] = [0, false];
  const others = (async () => {
    for (; !isMade; turns++) await new Promise((resolve) => setTimeout(resolve));
  })();
  await index.grow(capacity, true);
  isMade = true;
  await others;
  expect(index.count).toBe(capacity);
  expect(turns).toBeGreaterThan(4); // of four parts of its keys, taken and reached
});
