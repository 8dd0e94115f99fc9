// Times several ways to do the same work on this device, within a time limit that counts compiling.
import { type KernelCache } from './kernels.ts';
import { type Ledger } from './ledger.ts';
import { type Dispatch, type Program, type Step, createProgram } from './program.ts';

export interface Candidate<T> {
  value: T;
  /** Of like work on different bytes, run in turn, so that what a cache keeps of one does not help the next. */
  dispatches: Dispatch[];
  /** So many dispatches that follow each other are one piece of the work. Default 1. */
  together?: number;
}

export interface Timed<T> {
  value: T;
  /** Per piece of the work. */
  ms: number;
}

/** Samples are at least this long, so that the cost of a submit and the clock's step do not matter. */
const sampleMs = 5;
/** The first candidate stays unless another is faster by this share: samples are noisy, and a change gains nothing. */
const margin = 0.05;
const samples = 3;
/** Samples that are long by themselves are not repeated beyond this. */
const mostMs = 60;

/** What was measured before `deadline` (performance.now()), fastest first. Candidates that do not compile are left out. */
export async function rank<T>(device: GPUDevice, ledger: Ledger, kernels: KernelCache, step: Step, candidates: Candidate<T>[], deadline: number): Promise<Timed<T>[]> {
  const timed: Timed<T>[] = [];
  let best = Infinity;
  for (const { value, dispatches, together = 1 } of candidates) {
    const program = await before(deadline, createProgram(device, ledger, kernels, 'autotune', dispatches));
    if (program === 'late') break;
    if (program === 'failed') continue;
    const ms = await measure(device, program, together, step, best, deadline);
    program.destroy();
    if (ms === undefined) break;
    timed.push({ value, ms: timed.length ? ms : ms * (1 - margin) });
    best = Math.min(best, ms);
  }
  return timed.sort((a, b) => a.ms - b.ms);
}

/** The program, if it is there in time; one that comes later is freed then. */
async function before(deadline: number, making: Promise<Program>): Promise<Program | 'late' | 'failed'> {
  let late = performance.now() >= deadline;
  const made = making.then(
    (program) => {
      if (late) program.destroy();
      return late ? ('late' as const) : program;
    },
    () => 'failed' as const,
  );
  if (late) return 'late';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waited = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => {
      late = true;
      resolve('late');
    }, deadline - performance.now());
  });
  const result = await Promise.race([made, waited]);
  clearTimeout(timer);
  return result;
}

/** Milliseconds per piece, the least of some samples; undefined if the time is over before one is taken. */
async function measure(device: GPUDevice, program: Program, together: number, step: Step, best: number, deadline: number): Promise<number | undefined> {
  const length = program.dispatches.length / together;
  let next = 0;
  const time = async (count: number): Promise<number> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let left = count; left > 0; ) {
      const end = Math.min(length, next + left);
      program.encode(pass, step, next * together, end * together);
      left -= end - next;
      next = end % length;
    }
    pass.end();
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  };
  await time(1); // warms up: some drivers compile at the first use
  if (performance.now() >= deadline) return undefined;
  let count = 1;
  let sample = await time(count);
  while (sample < sampleMs) {
    count *= Math.min(8, Math.ceil((1.3 * sampleMs) / sample));
    sample = await time(count);
  }
  let spent = sample;
  for (let n = 1; n < samples && spent < mostMs && sample < 1.5 * best * count && performance.now() < deadline; n++) {
    const again = await time(count);
    spent += again;
    sample = Math.min(sample, again);
  }
  return sample / count;
}
