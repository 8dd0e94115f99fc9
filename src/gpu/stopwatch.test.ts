import { expect, it } from 'vitest';
import { createStopwatch } from './stopwatch.ts';

/** A queue on a clock of its own: a submit takes what its work says, in ms, and the CPU knows of it 1 ms late. */
function slowQueue() {
  let now = 0;
  let pending = 0;
  const queue = {
    submit: () => {},
    async onSubmittedWorkDone() {
      now += pending + 1;
      pending = 0;
    },
  } as unknown as GPUQueue;
  return { queue, work: (ms: number) => void (pending += ms), now: () => now };
}

it('gives the seconds of one thing, without the wait for the news', async () => {
  const { queue, work, now } = slowQueue();
  const stopwatch = await createStopwatch(queue, now);
  expect(stopwatch.wait).toBeCloseTo(0.001, 9);
  for (const ms of [0.01, 0.5, 7, 300]) expect(await stopwatch.time((count) => work(count * ms)), `${ms} ms`).toBeCloseTo(ms / 1000, 6);
  expect(stopwatch.count).toBe(5); // the wait is one too
});

it('is not misled by a first use that compiles, nor by single samples that were disturbed', async () => {
  const { queue, work, now } = slowQueue();
  const stopwatch = await createStopwatch(queue, now);
  let used = 0;
  const seconds = await stopwatch.time((count) => {
    used++;
    work(count * 4 + (used === 1 || used % 4 === 0 ? 200 : 0));
  });
  expect(seconds).toBeCloseTo(0.004, 6);
});

it('takes little longer than a tenth of a second for what is short', async () => {
  const { queue, work, now } = slowQueue();
  const stopwatch = await createStopwatch(queue, now);
  const started = now();
  await stopwatch.time((count) => work(count * 0.02));
  expect(now() - started).toBeLessThan(200);
});
