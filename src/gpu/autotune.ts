// Finds the fastest of several ways to do the same work on this device, within a time limit that counts compiling.
import { type createKernelCache } from './kernels.ts';
import { type Ledger } from './ledger.ts';
import { type Dispatch, type Program, type Step, createProgram } from './program.ts';

export interface Candidate<T> {
  value: T;
  dispatches: Dispatch[];
}

/** Samples are at least this long, so that the cost of a submit and the clock's step do not matter. */
const sampleMs = 5;

/** The first candidate is the default; it wins unless another is faster by more than 5 %. Later ones are skipped once `deadline` (performance.now()) has passed. */
export async function fastest<T>(device: GPUDevice, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, step: Step, candidates: Candidate<T>[], deadline: number): Promise<T> {
  let best = candidates[0].value;
  let bestMs = Infinity;
  for (const [i, { value, dispatches }] of candidates.entries()) {
    if (i > 0 && performance.now() > deadline) break;
    const program = await createProgram(device, ledger, kernels, 'autotune', dispatches);
    const ms = await measure(device, program, step, bestMs);
    program.destroy();
    if (ms < bestMs * (i === 0 ? 1 : 0.95)) {
      best = value;
      bestMs = ms;
    }
  }
  return best;
}

/** Milliseconds per run, the least of three samples; stops after one run that takes far longer than the best so far. */
async function measure(device: GPUDevice, program: Program, step: Step, bestMs: number): Promise<number> {
  const time = async (repeats: number): Promise<number> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < repeats; i++) program.encode(pass, step);
    pass.end();
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  };
  await time(1); // warms up: some drivers compile at the first use
  let repeats = 1;
  let sample = await time(repeats);
  if (sample > 4 * Math.max(bestMs, sampleMs)) return sample;
  while (sample < sampleMs) {
    repeats *= 2;
    sample = await time(repeats);
  }
  return Math.min(sample, await time(repeats), await time(repeats)) / repeats;
}
