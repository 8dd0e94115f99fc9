// Times work on the GPU by the clock of the CPU, less the wait until the CPU knows that it is done. Counts what it measures.

/** A sample takes at least so many seconds, so that the clock's step and the wait do not matter. */
const sampleSeconds = 0.012;
/** Samples are taken for so long. */
const enoughSeconds = 0.12;
/** The wait is measured for little longer than this. */
const enoughWaitMs = 200;

export interface Stopwatch {
  /** Seconds from the end of a submit's work until the CPU knows. */
  readonly wait: number;
  /** Measurements so far. */
  readonly count: number;
  /** Seconds of one of `count` things that `work` submits in one go; the median of samples of some milliseconds, after one that warms up. */
  time(work: (count: number) => void | Promise<void>): Promise<number>;
}

export async function createStopwatch(queue: GPUQueue, now: () => number = () => performance.now()): Promise<Stopwatch> {
  let measured = 1;
  const sample = async (work: () => void | Promise<void>): Promise<number> => {
    const started = now();
    await work();
    await queue.onSubmittedWorkDone();
    return (now() - started) / 1000;
  };
  const wait = (await waitOf(queue, now)) / 1000;

  return {
    wait,
    get count() {
      return measured;
    },
    async time(work) {
      measured++;
      const started = now();
      const seconds = async (count: number) => Math.max(await sample(() => work(count)) - wait, 1e-7);
      let count = 1;
      await seconds(count); // some drivers compile at the first use
      let last = await seconds(count);
      while (last < sampleSeconds) {
        count = Math.min(8 * count, Math.ceil((1.2 * count * sampleSeconds) / last));
        last = await seconds(count);
      }
      const samples = [last];
      while (now() - started < 1000 * enoughSeconds) samples.push(await seconds(count));
      return median(samples) / count;
    },
  };
}

/** Milliseconds from the end of a submit's work until the CPU knows: the median of some submits of nothing. */
export async function waitOf(queue: GPUQueue, now: () => number): Promise<number> {
  const waits: number[] = [];
  for (let i = 0; i < 7 && waits.reduce((a, b) => a + b, 0) < enoughWaitMs; i++) {
    const started = now();
    queue.submit([]);
    await queue.onSubmittedWorkDone();
    waits.push(now() - started);
  }
  return median(waits);
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1];
