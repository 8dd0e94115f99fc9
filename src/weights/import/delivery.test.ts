// Slabs handed on from memory: who takes them, who learns of a failure, and what has ended when.
import { describe, expect, it } from 'vitest';
import { createDelivery } from './delivery.ts';

const bytes = new Uint8Array(4);
const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a delivery', () => {
  it('is taken by who is there, waits for it, and is not kept for who comes later', async () => {
    const delivery = createDelivery();
    await delivery.deliver(0, bytes);
    const taken: number[] = [];
    let finish = (): void => {};
    const receiving = delivery.receive(async (slab) => {
      await new Promise<void>((resolve) => (finish = resolve));
      taken.push(slab);
    });
    let delivered = false;
    const delivering = delivery.deliver(1, bytes).then(() => (delivered = true));
    await soon();
    expect(delivered).toBe(false);
    finish();
    await delivering;
    delivery.end();
    await receiving;
    expect(taken).toEqual([1]);
    await delivery.receive(async () => Promise.reject(new Error('nothing comes after the end')));
  });

  it('tells who takes of a failure, and not who delivers', async () => {
    const delivery = createDelivery();
    const receiving = delivery.receive(async () => Promise.reject(new Error('The device is gone.')));
    await delivery.deliver(0, bytes);
    await expect(receiving).rejects.toThrow('The device is gone.');
    await delivery.deliver(1, bytes); // nobody takes it any more
  });

  it('is given up on when a signal aborts, and what was under way has ended then', async () => {
    const delivery = createDelivery();
    const aborter = new AbortController();
    const ended: number[] = [];
    let finish = (): void => {};
    const receiving = delivery.receive(async (slab) => {
      await new Promise<void>((resolve) => (finish = resolve));
      ended.push(slab);
    }, aborter.signal).catch((error: unknown) => ({ error, ended: [...ended] }));
    const delivering = delivery.deliver(3, bytes);
    aborter.abort(new Error('Enough.'));
    await soon();
    finish();
    expect(await receiving).toEqual({ error: new Error('Enough.'), ended: [3] });
    await delivering;
    await expect(delivery.receive(async () => {}, aborter.signal)).rejects.toThrow('Enough.');
  });
});
