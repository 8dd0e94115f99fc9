// What a check is and how one is judged. Knows no kernel.
import { BudgetError } from '../../errors.ts';
import { CompileError } from '../kernels.ts';
import { type Gpu } from '../device.ts';
import { missing } from '../../model/choices/possible-choices.ts';
import { type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { type Workbench } from './workbench.ts';

/** What the GPU gave and what the reference gives, number by number. */
export interface Outcome {
  found: ArrayLike<number>;
  expected: ArrayLike<number>;
  /** The size that each error is measured against; 1 if there is none. */
  scale?: ArrayLike<number>;
}

/** One setting of a kernel. */
export interface Case {
  name: string;
  run(bench: Workbench): Promise<Outcome>;
}

/** Choices of kernels that a check proves, or the format of keys and values by its name. */
export type Proves = Partial<KernelChoice> & { kv?: string };

/** Cases that share a kernel variant and a tolerance. */
export interface Check {
  name: string;
  /** Largest |found - expected| / scale allowed. */
  tolerance: number;
  choice: Proves;
  /** The kinds of matrices that it proves them for; none or undefined: for all. */
  kinds?: string[];
  cases: Case[];
}

export interface CheckResult {
  name: string;
  passed: boolean;
  /** Largest |found - expected| / scale; Infinity if a case could not run or gave no number. */
  error: number;
  tolerance: number;
  /** What to drop if it failed, and for which kinds of matrices. */
  choice: Proves;
  kinds?: string[];
  /** Why this device cannot run it; it then counts as passed. Of a model's own checks none is skipped for what the device lacks: it fails. */
  skipped?: string;
  /** It was skipped because its buffers did not fit the budget. */
  noRoom?: boolean;
  /** The cases that failed and how. */
  message?: string;
  /** It failed for what may be over the next time: neither wrong numbers nor a kernel that does not compile. */
  passing?: boolean;
}

/** A kernel did something else than it should. */
export class WrongResult extends Error {}

/** Largest error of an outcome in units of its scale. What is not a number, or not there, is infinitely wrong. */
export function errorOf({ found, expected, scale }: Outcome): number {
  if (found.length !== expected.length || found.length === 0) return Infinity;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = found[i] === expected[i] ? 0 : Math.abs(found[i] - expected[i]) / (scale ? scale[i] : 1);
    if (!(error <= worst)) worst = Number.isNaN(error) ? Infinity : error;
  }
  return worst;
}

/** The result of a check of what the device cannot run, where that counts as failed; undefined if it can. */
export function lacking(gpu: Gpu, { name, tolerance, choice, kinds }: Check): CheckResult | undefined {
  const lack = missing(gpu, choice);
  return lack === undefined ? undefined : { name, passed: false, error: Infinity, tolerance, choice, kinds, message: lack, passing: true };
}

export async function runCheck(bench: Workbench, { name, tolerance, choice, kinds, cases }: Check): Promise<CheckResult> {
  const skipped = missing(bench.gpu, choice);
  if (skipped) return { name, passed: true, error: 0, tolerance, choice, kinds, skipped };
  let worst = 0;
  const failures: string[] = [];
  let sure = false;
  for (const each of cases) {
    try {
      const error = errorOf(await each.run(bench));
      worst = Math.max(worst, error);
      if (!(error > tolerance)) continue;
      failures.push(`${each.name}: error ${error.toExponential(2)}`);
      sure = true;
    } catch (error) {
      if (error instanceof BudgetError) return { name, passed: true, error: 0, tolerance, choice, kinds, skipped: error.message, noRoom: true };
      worst = Infinity;
      sure ||= error instanceof CompileError || error instanceof WrongResult;
      failures.push(`${each.name}: ${(error as Error).message}`);
    }
  }
  return {
    name,
    passed: failures.length === 0,
    error: worst,
    tolerance,
    choice,
    kinds,
    ...(failures.length ? { message: failures.join('\n'), passing: !sure } : {}),
  };
}
