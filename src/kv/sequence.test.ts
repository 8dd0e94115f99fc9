// That a sequence is made whole or not at all.
import { expect, it } from 'vitest';
import { fakeDevice } from '../../test/doubles/fake-device.ts';
import { BudgetError } from '../errors.ts';
import { createLedger } from '../gpu/ledger.ts';
import { kvFormat } from './formats/catalogue.ts';
import { type SequenceHome, createSequence } from './sequence.ts';

function homeWith(budgetBytes: number) {
  const { device, buffers } = fakeDevice();
  const ledger = createLedger(device, budgetBytes);
  const home: SequenceHome = {
    device, ledger, config: { layers: 3, kvHeads: 2, headDim: 8, vocab: 64 }, states: { scan: 512, convolve: 256 }, context: 256, format: kvFormat('f32'),
    release: () => {},
  };
  return { home, buffers, ledger };
}
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

it('leaves nothing behind where the budget has no room for one of its buffers, whichever it is', () => {
  const whole = homeWith(Infinity);
  createSequence(whole.home);
  const sizes = whole.buffers.map(({ size }) => size);
  expect(sizes.length).toBe(2 + 3 + 3); // state and ids, layers, a recurrent state and its copies
  for (const n of sizes.keys()) {
    const { home, buffers, ledger } = homeWith(sum(sizes.slice(0, n + 1)) - 1);
    const before = ledger.create('weights', 'others', 0, 0) as unknown as { destroyed: boolean };
    expect(() => createSequence(home), `buffer ${n}`).toThrow(BudgetError);
    expect(ledger.bytes, `buffer ${n}`).toMatchObject({ kv: 0, activations: 0, weights: 16 });
    expect(buffers.map(({ destroyed }) => destroyed)).toEqual([false, ...buffers.slice(1).map(() => true)]);
    expect(before.destroyed).toBe(false);
  }
});

it('a copy leaves nothing behind either', async () => {
  const { home, ledger } = homeWith(Infinity);
  const bytes = () => sum(Object.values(ledger.bytes));
  const one = createSequence(home);
  const tight = homeWith(2 * bytes() - 1);
  const first = createSequence(tight.home);
  await expect(first.fork()).rejects.toThrow(BudgetError);
  expect(sum(Object.values(tight.ledger.bytes))).toBe(bytes());
  one.close();
  expect(bytes()).toBe(0);
});
