// The stream with reads and uploads that a test completes one by one.
import { describe, expect, it } from 'vitest';
import { type SlabRange } from './slices.ts';
import { type StreamOptions, createStream } from './stream.ts';

const rangeBytes = 10;
const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Slices 0 to count - 1 of `parts` ranges, through two slots. What is read and uploaded is logged, and waits until it is let go on. */
function setUp({ count = 6, parts = 1, slots = 2, aheadBytes = 2 * rangeBytes, first = [0, 1], now = (): number => 0 } = {}) {
  const log: string[] = [];
  const waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const held = (what: string) => {
    log.push(what);
    return new Promise<void>((resolve, reject) => waiting.set(what, { resolve, reject }));
  };
  const ranges = (slice: number) =>
    Array.from({ length: parts }, (_, i): SlabRange => ({ slab: slice, offset: i * rangeBytes, length: rangeBytes, start: i * rangeBytes }));
  const options: StreamOptions = {
    slices: new Map(Array.from({ length: count }, (_, slice) => [slice, { slot: slice % slots, ranges: ranges(slice) }])),
    first, aheadBytes, now,
    async read({ slab, start }) {
      await held(`read ${slab}.${start / rangeBytes}`);
      return { bytes: new Uint8Array(rangeBytes), fromMemory: slab === 1 };
    },
    upload: (slice, { start }) => held(`upload ${slice}.${start / rangeBytes}`),
  };
  return {
    window: createStream(options), log,
    /** Lets what is under way complete, and what that begins, until nothing more begins. */
    async settle() {
      await tick();
      while (waiting.size) {
        for (const { resolve } of waiting.values()) resolve();
        waiting.clear();
        await tick();
      }
    },
    async finish(what: string) {
      await tick();
      waiting.get(what)!.resolve();
      waiting.delete(what);
      await tick();
    },
    async fail(what: string) {
      await tick();
      waiting.get(what)!.reject(new Error(`${what} failed`));
      waiting.delete(what);
      await tick();
    },
  };
}

const isReady = async (window: { ready(slice: number): Promise<void> }, slice: number): Promise<boolean> =>
  Promise.race([window.ready(slice).then(() => true), tick().then(() => false)]);

describe('the stream of weights', () => {
  it('reads and uploads in the order of use, each slice into its slot once the work before has been submitted', async () => {
    const { window, log, settle } = setUp();
    window.begin([0, 1, 2, 3]);
    await settle();
    expect(log.filter((entry) => entry.startsWith('upload'))).toEqual(['upload 0.0', 'upload 1.0']);
    await window.ready(0);
    await settle();
    expect(log).not.toContain('upload 2.0'); // slot 0 is still to be read
    window.submitted();
    await settle();
    expect(log.filter((entry) => entry.startsWith('upload'))).toEqual(['upload 0.0', 'upload 1.0', 'upload 2.0']);
  });

  it('brings the next slice while one is used several times in a row', async () => {
    const { window, log, settle } = setUp();
    window.begin([0, 0, 0, 1]);
    await settle();
    expect(log.filter((entry) => entry.startsWith('upload'))).toEqual(['upload 0.0', 'upload 1.0']);
    for (const slice of [0, 0, 0, 1]) {
      await window.ready(slice);
      window.submitted();
    }
    expect(window.counters.uploadedBytes).toBe(2 * rangeBytes);
  });

  it('reads no further ahead than it may, but always one range', async () => {
    const few = setUp({ parts: 4, aheadBytes: 2 * rangeBytes });
    few.window.begin([0, 1]);
    await tick();
    expect(few.log).toEqual(['read 0.0', 'read 0.1']);
    const one = setUp({ aheadBytes: 1 });
    one.window.begin([0, 1]);
    await tick();
    expect(one.log).toEqual(['read 0.0']);
  });

  it('is ready only when all ranges of the slice are uploaded', async () => {
    const { window, finish } = setUp({ parts: 2 });
    window.begin([0]);
    await finish('read 0.0');
    await finish('upload 0.0');
    await finish('read 0.1');
    expect(await isReady(window, 0)).toBe(false);
    await finish('upload 0.1');
    expect(await isReady(window, 0)).toBe(true);
  });

  it('goes on with the slices that every run begins with, so that the next run finds them', async () => {
    const { window, log, settle } = setUp();
    for (const slices of [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 4, 5]]) {
      window.begin(slices);
      for (const slice of slices) {
        await settle();
        await window.ready(slice);
        window.submitted();
      }
    }
    await settle();
    const uploads = log.filter((entry) => entry.startsWith('upload')).map((entry) => Number(entry.split(' ')[1].split('.')[0]));
    expect(uploads).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 4, 5, 0, 1]);
    expect(window.counters).toMatchObject({ uploadedBytes: 12 * rangeBytes, memoryBytes: 3 * rangeBytes, storeBytes: 9 * rangeBytes });
  });

  it('does not upload again what a slot still holds', async () => {
    const { window, log, settle } = setUp({ first: [0] });
    for (let i = 0; i < 3; i++) {
      window.begin([0]);
      await settle();
      await window.ready(0);
      window.submitted();
    }
    expect(log).toEqual(['read 0.0', 'upload 0.0']);
    expect(window.counters.uploadedBytes).toBe(rangeBytes);
  });

  it('drops what was announced when another run begins, and uploads what that needs', async () => {
    const { window, log, settle } = setUp();
    window.begin([2, 3, 4, 5]);
    await settle();
    await window.ready(2);
    window.submitted();
    window.begin([0, 1]);
    await settle();
    await window.ready(0);
    window.submitted();
    await window.ready(1);
    expect(log.indexOf('upload 1.0')).toBeGreaterThan(log.indexOf('upload 0.0'));
    await expect(window.ready(5)).rejects.toThrow('announced was 1');
  });

  it('never lets uploads of a dropped run follow those of the next into a slot', async () => {
    const { window, log, finish, settle } = setUp({ parts: 2 });
    window.begin([2, 3]);
    await finish('read 2.0'); // its upload is under way
    window.begin([0, 1]);
    await tick();
    expect(log).not.toContain('upload 0.0');
    await settle();
    await window.ready(0);
    expect(log).not.toContain('upload 2.1');
    expect(log.indexOf('upload 0.0')).toBeGreaterThan(log.indexOf('upload 2.0'));
  });

  it('tells the error of a read to the run that needs it, and reads again for the next', async () => {
    const { window, fail, settle } = setUp();
    window.begin([0, 1]);
    const ready = window.ready(0);
    await Promise.all([expect(ready).rejects.toThrow('read 0.0 failed'), fail('read 0.0')]);
    window.begin([0, 1]);
    await settle();
    expect(await isReady(window, 0)).toBe(true);
  });

  it('leaves a wait when the signal is aborted', async () => {
    const { window } = setUp();
    window.begin([0]);
    const stop = new AbortController();
    const ready = window.ready(0, stop.signal);
    stop.abort();
    await expect(ready).rejects.toThrow(/abort/);
  });

  it('closes when the upload under way has ended, and begins no other', async () => {
    const { window, log, finish, settle } = setUp();
    window.begin([0, 1]);
    await finish('read 0.0');
    let closed = false;
    const closing = window.close().then(() => (closed = true));
    await tick();
    expect(closed).toBe(false);
    await settle();
    await closing;
    expect(log.filter((entry) => entry.startsWith('upload'))).toEqual(['upload 0.0']);
  });

  it('counts the time in which something was under way once', async () => {
    let now = 0;
    const { window, settle } = setUp({ parts: 2, now: () => now });
    window.begin([0]);
    await tick();
    now = 30; // two reads at once
    await settle();
    expect(window.counters.transferMs).toBe(30);
    now = 50; // nothing is under way
    expect(window.counters.transferMs).toBe(30);
  });
});
