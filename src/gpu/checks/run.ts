// Runs checks on a device, a few at a time so that pipelines compile beside each other; those that find no room beside
// others run alone in the end.
import { loadFormats, typeNames } from '../../formats/catalogue.ts';
import { addPolicyShaders } from '../../kv/policies/shaders.ts';
import { type Gpu } from '../device.ts';
import { createKernelCache } from '../kernels.ts';
import { createLedger } from '../ledger.ts';
import { type SelfTestOptions } from '../self-test.ts';
import { type Check, type CheckResult, lacking, runCheck } from './check.ts';
import { modelChecks } from './model.ts';
import { checksOfAll } from './operation-checks.ts';
import { samplerChecks } from './sampler.ts';
import { stageChecks } from './stages.ts';
import { tickChecks } from './tick.ts';

const atOnce = 4;
/** Names of checks of the kernels that do nearly all of the work. */
const isMain = /^(mat|attention|experts|neurons|scan|wkv)/;
/** What a check is of, as its name has it: kernels of decode and of prefill that share a name are two, and tiles of each type. */
const kernelOf = (name: string): string => [/^[\w-]+(?: [fi]\d+)?/.exec(name)?.[0], /, (?:decode|prefill)/.exec(name)?.[0]].join('');

/** The first check of each main kernel, of those that passed before. */
export function sampleOf(checks: readonly Check[], known: Record<string, string>): Check[] {
  const passed = checks.filter(({ name }) => isMain.test(name) && Object.hasOwn(known, name) && known[name] === '');
  return [...new Map(passed.toReversed().map((check) => [kernelOf(check.name), check])).values()].reverse();
}

export async function runSelfTest(
  gpu: Gpu,
  { model, only, known = {}, knownOnly = false, sample = false, kernels, room, onCheck }: SelfTestOptions,
): Promise<CheckResult[]> {
  if (!model) {
    await loadFormats(typeNames);
    addPolicyShaders();
  }
  const all = model ? modelChecks(model) : [...checksOfAll(gpu), ...samplerChecks(), ...stageChecks(), ...tickChecks()];
  const checks = sample
    ? sampleOf(all, known)
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
      // A model is to run what is tested for it: what this device lacks something for is no better than what fails, though it passed on another.
      const result =
        (model && lacking(gpu, checks[i])) ??
        (found === undefined
          ? await runCheck(bench, checks[i])
          : { name, passed: found === '', error: found === '' ? 0 : Infinity, tolerance, choice, kinds, ...(found && { message: found }) });
      if (result.noRoom) alone.push(i);
      else take(i, result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  for (const i of alone) take(i, await runCheck(bench, checks[i]));
  return results;
}
