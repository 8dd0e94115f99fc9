import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeDevice } from '../../test/doubles/fake-device.ts';
import { BudgetError } from '../errors.ts';
import { type Purpose, createLedger } from './ledger.ts';

const purposes: Purpose[] = ['weights', 'kv', 'activations', 'parameters', 'staging', 'draft', 'test'];

describe('the ledger', () => {
  it('rounds sizes up to 16 bytes, as a buffer of none is invalid', () => {
    const { device, buffers } = fakeDevice();
    const ledger = createLedger(device, 1000);
    for (const size of [0, 1, 16, 17]) ledger.create('kv', 'a', size, 8);
    expect(buffers.map(({ size }) => size)).toEqual([16, 16, 16, 32]);
    expect(ledger.bytes.kv).toBe(80);
  });

  it('refuses what passes the budget before the device is asked, with what is left and what to do', () => {
    const { device, buffers } = fakeDevice();
    const ledger = createLedger(device, 3 * 2 ** 20);
    ledger.create('weights', 'weights.layer.0', 2 ** 20, 8);
    expect(() => ledger.create('kv', 'kv.0.keys', 2.5 * 2 ** 20, 8)).toThrow(BudgetError);
    expect(() => ledger.create('kv', 'kv.0.keys', 2.5 * 2 ** 20, 8)).toThrow(
      'kv.0.keys needs 2.5 MiB on the GPU; 2.0 MiB of the budget of 3.0 MiB are left. Raise the budget',
    );
    expect(() => ledger.reserve('staging', 2 ** 21 + 1)).toThrow(BudgetError);
    expect(buffers).toHaveLength(1);
    expect(ledger.bytes).toEqual({ weights: 2 ** 20, kv: 0, activations: 0, parameters: 0, staging: 0, draft: 0, test: 0 });
    ledger.create('kv', 'just what is left', 2 ** 21, 8);
  });

  it('refuses a buffer larger than the device allows', () => {
    const ledger = createLedger(fakeDevice({ maxBufferSize: 2 ** 20 }).device, 2 ** 30);
    expect(() => ledger.create('weights', 'weights.head', 2 ** 20 + 1, 8)).toThrow(BudgetError);
    expect(() => ledger.create('weights', 'weights.head', 2 ** 20 + 1, 8)).toThrow(
      /weights\.head needs a buffer of 1\.0 MiB; this device allows at most 1\.0 MiB/,
    );
    expect(ledger.peakBytes).toBe(0);
  });

  it('gives back what is destroyed, once, and knows the most there ever was', () => {
    const { device, buffers } = fakeDevice();
    const ledger = createLedger(device, 1000);
    const a = ledger.create('weights', 'a', 320, 8);
    const release = ledger.reserve('staging', 160);
    ledger.destroy(a);
    ledger.destroy(a);
    release();
    release();
    expect(ledger.bytes).toMatchObject({ weights: 0, staging: 0 });
    expect(ledger.peakBytes).toBe(480);
    expect(buffers[0].destroyed).toBe(true);
    ledger.create('kv', 'b', 16, 8);
    ledger.create('weights', 'c', 32, 8);
    ledger.destroyAll();
    expect(buffers.every(({ destroyed }) => destroyed)).toBe(true);
    expect(Object.values(ledger.bytes)).toEqual(purposes.map(() => 0));
  });

  it('books what another one holds within it under one purpose, and refuses what passes either budget', () => {
    const { device, buffers } = fakeDevice();
    const ledger = createLedger(device, 1000);
    const tests = createLedger(device, 600, { ledger, purpose: 'test' });
    const a = tests.create('weights', 'a', 320, 8);
    tests.create('kv', 'b', 160, 8);
    expect(ledger.bytes).toMatchObject({ weights: 0, kv: 0, test: 480 });
    expect(() => tests.create('kv', 'c', 160, 8)).toThrow(/of the budget of/);
    tests.destroy(a);
    ledger.create('weights', 'model', 800, 8);
    expect(() => tests.create('kv', 'd', 160, 8)).toThrow(/^d needs/);
    expect([ledger.bytes.test, tests.bytes.kv]).toEqual([160, 160]);
    tests.destroyAll();
    expect(ledger.bytes).toMatchObject({ weights: 800, test: 0 });
    expect(buffers.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
  });

  it('says at the next settling that the GPU had no memory, once', async () => {
    const { device, outOfMemory } = fakeDevice();
    outOfMemory.add('kv.1.keys');
    const ledger = createLedger(device, 2 ** 20);
    ledger.create('kv', 'kv.0.keys', 1024, 8);
    await ledger.settle();
    ledger.create('kv', 'kv.1.keys', 1024, 8);
    const settled = ledger.settle();
    await expect(settled).rejects.toThrow(BudgetError);
    await expect(settled).rejects.toThrow(/could not allocate 0\.0 MiB for kv\.1\.keys .*no memory for kv\.1\.keys\. Choose a smaller budget/);
    await ledger.settle();
  });

  it('tells all who settle at once, as one of them made the buffer', async () => {
    const { device, outOfMemory } = fakeDevice();
    outOfMemory.add('kv.1.keys');
    const ledger = createLedger(device, 2 ** 20);
    ledger.create('kv', 'kv.1.keys', 1024, 8);
    const both = await Promise.allSettled([ledger.settle(), ledger.settle()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await ledger.settle();
  });

  it('keeps what nobody has asked for yet until somebody settles, with no promise that rejects by itself', async () => {
    const unobserved: unknown[] = [];
    const note = (error: unknown) => unobserved.push(error);
    process.on('unhandledRejection', note);
    const { device, outOfMemory } = fakeDevice();
    outOfMemory.add('readback.ids.0');
    const ledger = createLedger(device, 2 ** 20);
    ledger.create('staging', 'readback.ids.0', 64, 8);
    ledger.create('staging', 'readback.ids.1', 64, 8);
    await new Promise((resolve) => setTimeout(resolve)); // Node tells of such promises after all others
    process.off('unhandledRejection', note);
    expect(unobserved).toEqual([]);
    await expect(ledger.settle()).rejects.toThrow(/for readback\.ids\.0/);
    await ledger.settle();
  });

  it('keeps its sums right in any order of making, reserving and freeing', () => {
    const step = fc.record({ purpose: fc.constantFrom(...purposes), size: fc.nat(5000), kind: fc.constantFrom('create', 'reserve', 'free') });
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 40_000 }), (steps, budget) => {
      const ledger = createLedger(fakeDevice().device, budget);
      const alive: { purpose: Purpose; size: number; free: () => void }[] = [];
      let peak = 0;
      const total = () => alive.reduce((sum, { size }) => sum + size, 0);
      for (const { purpose, size, kind } of steps) {
        if (kind === 'free') alive.splice(size % Math.max(1, alive.length), 1)[0]?.free();
        else {
          const rounded = kind === 'create' ? Math.max(16, Math.ceil(size / 16) * 16) : size;
          const make = () => {
            if (kind === 'reserve') return ledger.reserve(purpose, size);
            const buffer = ledger.create(purpose, 'x', size, 8);
            return () => ledger.destroy(buffer);
          };
          if (total() + rounded > budget) expect(make).toThrow(BudgetError);
          else alive.push({ purpose, size: rounded, free: make() });
        }
        peak = Math.max(peak, total());
        for (const each of purposes) expect(ledger.bytes[each]).toBe(alive.filter((a) => a.purpose === each).reduce((sum, a) => sum + a.size, 0));
        expect(ledger.peakBytes).toBe(peak);
      }
    }));
  });
});
