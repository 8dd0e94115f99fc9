// Guards against hangs and quadratic time. A speed is a measurement, not a test: only the full run, made on a quiet
// machine, holds it to its limit and notes it; others leave room for slow and busy machines.
import { expect } from 'vitest';
import { isFull, record } from './verified.ts';

/** Runs `work` and expects its CPU time under `seconds`, or ten times that outside the full run. Gives what `work` gives. */
export function timed<T>(point: string, seconds: number, work: () => T): T {
  const before = process.cpuUsage();
  const result = work();
  const used = process.cpuUsage(before).user / 1e6;
  record({ point: `${point}: CPU seconds (limit ${seconds})`, command: 'npx vitest run --project unit', value: Math.round(used * 1000) / 1000 });
  expect(used, `CPU seconds of ${point}`).toBeLessThan(isFull ? seconds : 10 * seconds);
  return result;
}
