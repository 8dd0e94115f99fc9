// The self-test: every kernel against src/reference on the adapter at hand, or just those that a model will run. The
// checks lie in ./checks and load, with the reference, only when they run; they weigh on no page that does not ask.
import { type Model } from './checks/operation-checks.ts';
import { type CheckResult, type Proves } from './checks/check.ts';
import { type Gpu } from './device.ts';
import { type createKernelCache } from './kernels.ts';
import { type Ledger } from './ledger.ts';

export type { CheckResult, Model, Proves };

export interface SelfTestOptions {
  /** Check only the kernels that this model runs, with its widths and types; without it, all kernels at awkward sizes. */
  model?: Model;
  /** Only checks whose name matches. */
  only?: RegExp;
  /** Results of earlier runs by name: how a check failed, or an empty text. They are not run again. */
  known?: Record<string, string>;
  /** Run nothing: give the results in `known` of the checks that the model needs. */
  knownOnly?: boolean;
  /** Run but one check of each main kernel of the model, of those that passed by `known`: whether that still holds. */
  sample?: boolean;
  /** Where pipelines go: with the model's own cache, what is compiled for the check is not compiled again. */
  kernels?: ReturnType<typeof createKernelCache>;
  /** Where buffers are booked; asked for once something is to be run. Default: 1 GiB beside all else. */
  room?: () => Ledger;
  onCheck?: (result: CheckResult, done: number, total: number) => void;
}

/** Never throws for a kernel that does not compile or gives wrong numbers: that is a result with `passed: false`. */
export async function selfTest(gpu: Gpu, options: SelfTestOptions = {}): Promise<CheckResult[]> {
  const { runSelfTest } = await import('./checks/run.ts');
  return runSelfTest(gpu, options);
}
