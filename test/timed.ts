// Guards against quadratic time. A speed is a measurement, not a test: only the full run, made on a quiet machine, holds it
// to its limit and notes it; elsewhere what hangs meets the limit of any test.
import { expect } from 'vitest';
import { isFull, record } from './verified.ts';

/** Runs `work` and, in the full run, expects its CPU time under `seconds`. Gives what `work` gives. */
export function timed<T>(point: string, seconds: number, work: () => T): T {
  const before = process.cpuUsage();
  const result = work();
  const used = process.cpuUsage(before).user / 1e6;
  record({ point: `${point}: CPU seconds (limit ${seconds})`, command: 'npx vitest run --project unit', value: Math.round(used * 1000) / 1000 });
  if (isFull) expect(used, `CPU seconds of ${point}`).toBeLessThan(seconds);
  return result;
}
