import { describe, expect, it } from 'vitest';
import { type FakeBuffer, fakeDevice } from '../../test/doubles/fake-device.ts';
import { BudgetError } from '../errors.ts';
import { createLedger } from '../gpu/ledger.ts';
import { type Rings, createFresh, freshBytes, grownTo } from './fresh.ts';
import { kvFormat } from './formats/catalogue.ts';
import { segmentBytes } from './segment.ts';

const config = { layers: 3, kvHeads: 2, headDim: 8 };
const f16 = kvFormat('f16');
const layerBytes = (slots: number) => segmentBytes(config, slots, f16);

function open(context: number, budgetBytes = Infinity, rings?: Rings) {
  const fake = fakeDevice();
  const ledger = createLedger(fake.device, budgetBytes);
  const fresh = createFresh(ledger, config, context, f16, rings);
  const layers = () => Array.from({ length: config.layers }, (_, i) => fresh.layer(i));
  const isSound = () => layers().every(({ buffer, capacity }) => !(buffer as unknown as FakeBuffer).destroyed && buffer.size === layerBytes(capacity));
  return { ...fake, ledger, fresh, layers, isSound };
}

describe('grownTo', () => {
  it('doubles up to 4096 slots, then adds steps of 256, and never passes the context', () => {
    expect(grownTo(256, 257, 1e6)).toBe(512);
    expect(grownTo(256, 3000, 1e6)).toBe(3072);
    expect(grownTo(3072, 3073, 1e6)).toBe(4096);
    expect(grownTo(4096, 4097, 1e6)).toBe(4352);
    expect(grownTo(4352, 4400, 1e6)).toBe(4608);
    expect(grownTo(256, 257, 300)).toBe(300);
  });
});

describe('the fresh segments', () => {
  it('grow without ever holding more than all layers in full and the old pages of one, from any capacity', async () => {
    for (const context of [256, 257, 1000, 4096, 6000]) {
      const { full, growing } = freshBytes(config, context, f16);
      let most = 0;
      for (let before = 1; before <= context; before += 256) {
        const { device, ledger, fresh } = open(context);
        await fresh.grow(device, before);
        for (const positions of [before + 1, context]) if (positions <= context) await fresh.grow(device, positions);
        expect(fresh.capacity).toBe(context);
        expect(ledger.bytes.kv).toBe(full);
        expect(ledger.peakBytes).toBeLessThanOrEqual(full + growing);
        most = Math.max(most, ledger.peakBytes);
      }
      expect(most).toBe(full + growing); // no less would do
    }
  });

  it('stay as they are where there is room, and begin with what the context needs', async () => {
    const { device, buffers, ledger, fresh } = open(100);
    await fresh.grow(device, 100);
    expect([buffers.length, fresh.capacity, ledger.bytes.kv]).toEqual([3, 100, freshBytes(config, 100, f16).first]);
  });

  it.each([1, 2])('where the budget ends at layer %i keep what they hold, in layers that are sound, and grow as far as there is room', async (layer) => {
    // Room for the old layers, for `layer` larger ones in place of theirs, and not for the next beside its old one.
    const budget = 3 * layerBytes(256) + layer * (layerBytes(1024) - layerBytes(256)) + layerBytes(768);
    const { device, ledger, fresh, layers, isSound } = open(4096, budget);
    await expect(fresh.grow(device, 1000)).rejects.toBeInstanceOf(BudgetError);
    expect(fresh.capacity).toBe(256);
    expect(layers().map(({ capacity }) => capacity)).toEqual([0, 1, 2].map((i) => (i < layer ? 1024 : 256)));
    expect(isSound()).toBe(true);
    expect(ledger.bytes.kv).toBe(layers().reduce((sum, { capacity }) => sum + layerBytes(capacity), 0));
    await fresh.grow(device, 500); // which the larger ones have room for
    expect(layers().map(({ capacity }) => capacity)).toEqual([0, 1, 2].map((i) => (i < layer ? 1024 : 512)));
    expect(isSound()).toBe(true);
  });

  it('are kept where the GPU has no memory for the next ones, which it tells later, and grow once it has', async () => {
    const { device, ledger, outOfMemory, copies, fresh, layers, isSound } = open(4096);
    outOfMemory.add('kv.1');
    await expect(fresh.grow(device, 300)).rejects.toMatchObject({ code: 'gpu_out_of_memory' });
    expect(layers().map(({ capacity }) => capacity)).toEqual([512, 256, 256]);
    expect(copies).toHaveLength(1); // nothing was copied to a buffer that is none
    expect(isSound()).toBe(true);
    expect(ledger.bytes.kv).toBe(layerBytes(512) + 2 * layerBytes(256));
    outOfMemory.clear();
    await fresh.grow(device, 300);
    expect(fresh.capacity).toBe(512);
    expect(copies.map(({ bytes }) => bytes)).toEqual([layerBytes(256), layerBytes(256), layerBytes(256)]);
    expect(isSound()).toBe(true);
  });
});

describe('rings', () => {
  const planeBytes = (pages: number) => 512 * pages;
  const ring = (slots: number, base = 0): Rings => ({ has: () => true, slots, base: () => base, planeBytes });
  const bytes = (slots: number) => layerBytes(slots) + planeBytes((slots / 32) * config.kvHeads);

  it('that have all their slots stay as they are, however long a prompt is', async () => {
    const { device, buffers, copies, fresh } = open(4096, Infinity, ring(512));
    await fresh.grow(device, 3000);
    expect([buffers.length, copies.length, fresh.capacity]).toEqual([6, 0, 4096]);
  });

  it('grow up to that, from where fresh positions begin', async () => {
    const { device, fresh, layers } = open(1024, Infinity, ring(1024, 100));
    expect(fresh.capacity).toBe(256 + 96);
    await fresh.grow(device, 600);
    expect(layers().map(({ capacity }) => capacity)).toEqual([512, 512, 512]);
    expect(fresh.capacity).toBe(608);
  });

  it('leave nothing behind of a layer whose planes there is no room for', async () => {
    const before = 3 * bytes(256);
    const { device, ledger, fresh, isSound } = open(4096, before + layerBytes(512) + 100, ring(4096));
    expect(ledger.bytes.kv).toBe(before);
    await expect(fresh.grow(device, 500)).rejects.toBeInstanceOf(BudgetError);
    expect([ledger.bytes.kv, fresh.byteLength, isSound()]).toEqual([before, before, true]);
  });
});
