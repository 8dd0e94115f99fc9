// That sets grow whole or not at all.
import { expect, it } from 'vitest';
import { fakeDevice } from '../../test/doubles/fake-device.ts';
import { BudgetError } from '../errors.ts';
import { createLedger } from '../gpu/ledger.ts';
import { kvFormat } from './formats/catalogue.ts';
import { createSets } from './sets.ts';
import { type Shape } from './shape.ts';

const heads = { kvHeads: 2, headDim: 8 };
const format = kvFormat('f16');
const shape = { plan: { planes: ['position'], layers: [[{ format, mostSlots: [1024, 1024] }]] } } as unknown as Shape;
const attended = [{ queryHeads: 2, scale: 1, turn: { FirstAngle: 0, RopeDims: 0, Halves: 0 } }];

function open(budgetBytes: number) {
  const { device, buffers } = fakeDevice();
  const ledger = createLedger(device, budgetBytes);
  return { ledger, buffers, sets: createSets(device, ledger, { ...shape, attended }, 0, heads) };
}

it('have nothing more than before where there is room for their pages and not for their planes', async () => {
  const whole = open(Infinity);
  const before = whole.ledger.bytes.kv;
  await whole.sets.makeRoom(whole.sets.all[0], [64, 64]);
  const [pages, planes] = whole.buffers.slice(-2).map(({ size }) => size);
  const { ledger, sets } = open(before + pages + planes - 1);
  const [set] = sets.all;
  const { pages: old } = set;
  await expect(sets.makeRoom(set, [64, 64])).rejects.toBeInstanceOf(BudgetError);
  expect([ledger.bytes.kv, sets.byteLength, set.pages === old, [...set.room]]).toEqual([before, before, true, [0, 0]]);
});
