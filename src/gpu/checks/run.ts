// Runs checks on a device, a few at a time so that pipelines compile beside each other; those that find no room beside
// others run alone in the end.
import { loadFormats, typeNames } from '../../formats/catalogue.ts';
import { addPolicyShaders } from '../../kv/policies/shaders.ts';
import { type Gpu } from '../device.ts';
import { createKernelCache } from '../kernels.ts';
import { createLedger } from '../ledger.ts';
import { type SelfTestOptions } from '../self-test.ts';
import { type CheckResult, runCheck } from './check.ts';
import { modelChecks } from './model.ts';
import { checksOfAll } from './operation-checks.ts';
import { samplerChecks } from './sampler.ts';
import { stageChecks } from './stages.ts';
import { tickChecks } from './tick.ts';

const atOnce = 4;
/** Names of checks: of decode, of prefill, of attention. */
const mainKernels = [/^matvec /, /^mat(mul|vec-rows|vec-broadcast)/, /^attention-decode/];

export async function runSelfTest(
  gpu: Gpu,
  { model, only, known = {}, knownOnly = false, sample = false, kernels, room, onCheck }: SelfTestOptions,
): Promise<CheckResult[]> {
  if (!model) {
    await loadFormats(typeNames);
    addPolicyShaders();
  }
  const all = model ? modelChecks(model) : [...checksOfAll(gpu), ...samplerChecks(), ...stageChecks(), ...tickChecks()];
  const passedBefore = (kernel: RegExp) => all.find(({ name }) => kernel.test(name) && Object.hasOwn(known, name) && known[name] === '') ?? [];
  const checks = sample
    ? mainKernels.flatMap(passedBefore)
    : all.filter(({ name }) => (!only || only.test(name)) && (!knownOnly || Object.hasOwn(known, name)));
  const own = createLedger(gpu.device, 2 ** 30);
  const bench = { gpu, kernels: kernels ?? createKernelCache(gpu.device), room: room ?? (() => own) };
  const results: CheckResult[] = [];
  let next = 0;
  let done = 0;
  const take = (i: number, result: CheckResult) => {
    results[i] = result;
    onCheck?.(result, ++done, checks.length);
  };
  const alone: number[] = [];
  const work = async () => {
    while (next < checks.length) {
      const i = next++;
      const { name, tolerance, choice, kinds } = checks[i];
      const found = !sample && Object.hasOwn(known, name) ? known[name] : undefined;
      const result =
        found === undefined
          ? await runCheck(bench, checks[i])
          : { name, passed: found === '', error: found === '' ? 0 : Infinity, tolerance, choice, kinds, ...(found && { message: found }) };
      if (result.noRoom) alone.push(i);
      else take(i, result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  for (const i of alone) take(i, await runCheck(bench, checks[i]));
  return results;
}
