import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPacer } from './pacer.ts';

/** A queue whose submits take `msPerPiece` each, one after the other. */
function fakeQueue(msPerPiece: () => number) {
  let free = 0;
  let pieces = 0;
  const queue = {
    submit(count: number) {
      pieces = count;
    },
    onSubmittedWorkDone() {
      free = Math.max(free, performance.now()) + pieces * msPerPiece();
      return new Promise<void>((resolve) => setTimeout(resolve, free - performance.now()));
    },
  };
  return { submit: queue.submit, queue: queue as unknown as GPUQueue };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** Submits `count` times as the runner does; gives the pieces of each submit. */
async function submits(
  count: number,
  rows: number,
  msPerPiece: () => number,
  pacer: ReturnType<typeof createPacer>,
  submit: (count: number) => void,
): Promise<number[]> {
  const sizes: number[] = [];
  for (let i = 0; i < count; i++) {
    const pieces = pacer.piecesPerSubmit(rows);
    sizes.push(pieces);
    submit(pieces);
    const done = pacer.submitted(rows, pieces);
    await vi.advanceTimersByTimeAsync(1000 * Math.max(1, msPerPiece()));
    await done;
  }
  return sizes;
}

describe('the pacer', () => {
  it.each([
    [1, 25],
    [64, 8],
  ])('begins with one piece of %i tokens and grows to submits of about 100 ms for one token, and of 33 ms for more', async (rows, most) => {
    const { queue, submit } = fakeQueue(() => 4);
    const pacer = createPacer(queue);
    const sizes = await submits(6, rows, () => 4, pacer, submit);
    expect(sizes[0]).toBe(1);
    expect(sizes.at(-1)).toBe(most);
    expect(pacer.piecesPerSubmit(rows, 12)).toBe(3);
  });

  it('never submits less than a piece, however long it takes', async () => {
    const { queue, submit } = fakeQueue(() => 900);
    expect(await submits(4, 1, () => 900, createPacer(queue), submit)).toEqual([1, 1, 1, 1]);
  });

  it('follows a device that becomes slower', async () => {
    let ms = 5;
    const { queue, submit } = fakeQueue(() => ms);
    const pacer = createPacer(queue);
    await submits(4, 1, () => ms, pacer, submit);
    ms = 50;
    const sizes = await submits(12, 1, () => ms, pacer, submit);
    expect(sizes[0]).toBe(20);
    expect(sizes.at(-1)).toBe(2);
  });

  it('knows steps of one token apart from those of many', async () => {
    const { queue, submit } = fakeQueue(() => 2);
    const pacer = createPacer(queue);
    await submits(4, 1, () => 2, pacer, submit);
    expect(pacer.piecesPerSubmit(1)).toBe(50);
    expect(pacer.piecesPerSubmit(128)).toBe(1);
  });

  it('lets one submit be in flight, not two', async () => {
    const { queue, submit } = fakeQueue(() => 10);
    const pacer = createPacer(queue);
    submit(1);
    let first = false;
    let second = false;
    await pacer.submitted(1, 1).then(() => (first = true));
    submit(1);
    const waiting = pacer.submitted(1, 1).then(() => (second = true));
    await vi.advanceTimersByTimeAsync(5);
    expect([first, second]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(6);
    expect(second).toBe(true);
    await waiting;
  });

  it('gives the error of a lost GPU to who waits for a submit, and leaves none unhandled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const lost = { onSubmittedWorkDone: () => Promise.reject(new Error('lost')) } as unknown as GPUQueue;
    const pacer = createPacer(lost);
    await pacer.submitted(1, 1);
    vi.useRealTimers();
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    await expect(pacer.submitted(1, 1)).rejects.toThrow('lost');
  });
});
