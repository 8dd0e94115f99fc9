// Which keys are made again in front of a row.
import { expect, it } from 'vitest';
import { type AwayLayer, keysMade, remakeKeys, waitForKeys } from './away-layer.ts';

it('has keys wait until a row was encoded that makes them, also where a step is aborted before', () => {
  const written: number[][] = [];
  const device = { queue: { writeBuffer: (_: unknown, __: number, pages: Uint32Array) => void written.push([...pages]) } } as unknown as GPUDevice;
  const keyless = { pages: { buffer: {} }, count: 0, waiting: new Set<number>() };
  const frames = new Map([[2, 0], [3, 1], [5, 2]]);
  const layer = {
    sets: { keyless, all: [{ isLow: true }] }, paging: { frames: { has: (page: number) => frames.has(page), there: frames } }, heads: { kvHeads: 2 },
  } as unknown as AwayLayer;
  remakeKeys(device, layer, [{ frame: 0, row: 1, head: 0 }, { frame: 1, row: 1, head: 1 }]);
  remakeKeys(device, layer, []); // the step before was aborted
  frames.delete(3); // given to another page meanwhile
  remakeKeys(device, layer, []);
  expect([written, keyless.count]).toEqual([[[2, 3], [2, 3], [2]], 1]);
  keysMade(layer);
  remakeKeys(device, layer, []);
  expect(keyless.count).toBe(0);
  waitForKeys(layer);
  remakeKeys(device, layer, []);
  expect([written.at(-1), keyless.count]).toEqual([[2, 5], 2]);
});
