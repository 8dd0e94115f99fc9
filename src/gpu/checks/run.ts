// Runs checks on a device, a few at a time so that pipelines compile beside each other.
import { type Gpu } from '../device.ts';
import { createKernelCache } from '../kernels.ts';
import { type SelfTestOptions } from '../self-test.ts';
import { attentionChecks } from './attention.ts';
import { type CheckResult, runCheck } from './check.ts';
import { elementwiseChecks } from './elementwise.ts';
import { modelChecks } from './model.ts';
import { projectChecks } from './project.ts';
import { samplerChecks } from './sampler.ts';

const atOnce = 4;

export async function runSelfTest(gpu: Gpu, { model, only, known = {}, kernels, onCheck }: SelfTestOptions): Promise<CheckResult[]> {
  const all = model ? modelChecks(model) : [...projectChecks(), ...elementwiseChecks(), ...attentionChecks(), ...samplerChecks()];
  const checks = only ? all.filter(({ name }) => only.test(name)) : all;
  const bench = { gpu, kernels: kernels ?? createKernelCache(gpu.device) };
  const results: CheckResult[] = [];
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < checks.length) {
      const i = next++;
      const { name, tolerance, shapes, kinds } = checks[i];
      const found = Object.hasOwn(known, name) ? known[name] : undefined;
      results[i] = found === undefined ? await runCheck(bench, checks[i]) : { name, passed: found === '', error: found === '' ? 0 : Infinity, tolerance, shapes, kinds, ...(found && { message: found }) };
      onCheck?.(results[i], ++done, checks.length);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
