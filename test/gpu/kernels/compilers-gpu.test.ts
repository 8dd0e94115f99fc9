// What the compilers of real GPUs make of the kernels that a GPU may be offered: Mesa's drivers compile for hardware that is not there
// (scripts/gpu-compilers), and say how many registers they took and whether those were enough. The short run takes one in 48, of rare
// types less, for one of AMD's; WINDROW_FULL=1 takes all, for every GPU whose driver is here.
import { describe, expect, it } from 'vitest';
import { type Answer, compileFor, ensureLayer } from '../../../scripts/gpu-compilers/compile.mjs';
import { described, gpus, lacking } from '../../../scripts/gpu-compilers/gpus.mjs';
import { usualParts, usualRegisters } from '../../../src/engine/measure/tune/choice-text.ts';
import { formats } from '../../../src/formats/catalogue.ts';
import { type KernelSpec, kernelKey, kernelSource } from '../../../src/gpu/kernels.ts';
import { fitsRegisters } from '../../../src/model/choices/kernel-choice.ts';
import { everyKernel } from '../../every-kernel.ts';
import { isFull, record } from '../../verified.ts';

/**
 * Whether a GPU may get a kernel: rows by themselves are for processors, and so is more of a head in a thread than registers hold, with few
 * registers more than one panel, and on NVIDIA's 1024 threads for few rows.
 */
function isOffered({ kernel, files = [], consts = {}, constants = {} }: KernelSpec, gpu: string): boolean {
  const isOfFew = kernel === 'matvec-few' || files.includes('assign/grouped');
  if (isOfFew && consts.Splits === 32 && gpus[gpu].vendor === 'nvidia') return false;
  if (kernel === 'matvec' && usualRegisters(described(gpu)) === 64) return constants.Panels === 1 && !files.includes('input/direct');
  if (['matvec-rows', 'matvec-broadcast', 'matvec-wide', 'matvec-shared', 'attention-wide', 'sample-probabilities'].includes(kernel)) return false;
  if (kernel === 'attention-decode') return fitsRegisters({ threads: consts.Threads }, 4 * consts.HeadVec4s);
  if (kernel !== 'attention') return true;
  const { part, uniform, lanes = 0 } = usualParts(described(gpu));
  const byMaker = files.includes('head/by-subgroup') === uniform > 0 || files.includes('head/whole');
  const most = 4 * consts.HeadVec4s > 128 ? Math.max(part, 32) : part; // of such heads parts of 16 leave too few rows
  return byMaker && 4 * consts.PartVec4s <= most && files.includes('eight/broadcast') === lanes > 0;
}

/** One in 48; of rare weight types, whose own file is all that differs, one in 512. */
const some = (specs: KernelSpec[]): KernelSpec[] => specs.filter(({ files = [] }, i) => i % (files.some(isRare) ? 512 : 48) === 0);
const isRare = (file: string): boolean => formats.get(file.replace(/^(formats|table)\//, ''))?.shader !== undefined;

/** Why there is no layer, if there is none. */
const layer = await Promise.resolve().then(ensureLayer).then(() => undefined, ({ message }: Error) => message);

const names = isFull ? Object.keys(gpus) : ['navi31'];

describe.each(names)('the compiler for %s', (name) => {
  const why = layer ?? lacking(name);
  it.skipIf(why)(why ? `but ${why}` : 'keeps every kernel in registers', async () => {
    const offered = (await everyKernel(usualRegisters(described(name)))).filter((spec) => isOffered(spec, name));
    const specs = isFull ? offered : some(offered);
    const of = (spec: KernelSpec, more = {}) => ({ code: kernelSource(spec), constants: { ...spec.constants, ...more } });
    const answers = await compileFor(specs.map((spec) => of(spec)), name);
    const { mostSpills, attentionSpills = mostSpills, largeSpills = attentionSpills } = gpus[name];
    const allowed = ({ kernel, consts = {} }: KernelSpec) => (kernel !== 'attention' ? mostSpills : 4 * consts.HeadVec4s > 128 ? largeSpills : attentionSpills);
    const fits = (answer: Answer, spec: KernelSpec) => 'use' in answer && answer.use.memory === 0 && answer.use.spills <= allowed(spec);
    // Those that do not fit as where halves are widened in integers are asked for as GPUs have them until a check tells otherwise.
    const unfit = specs.filter((spec, i) => !fits(answers[i], spec));
    const unpacked = await compileFor(unfit.map((spec) => of(spec, kernelSource(spec).includes('override UnpackHalves') ? { UnpackHalves: 1 } : {})), name);
    const wrong = unfit.flatMap((spec, i) => {
      const answer = unpacked[i];
      if (fits(answer, spec)) return [];
      return [`${kernelKey(spec)}: ${'use' in answer ? `${answer.use.memory} bytes, ${answer.use.spills} spills` : answer.error}`];
    });
    expect(answers.length).toBeGreaterThan(50);
    console.log(`${answers.length} kernels for ${name}, most registers ${Math.max(...answers.map((answer) => ('use' in answer ? answer.use.registers : 0)))}`);
    expect(wrong).toEqual([]);
    record({
      point: 'Kernels that the compilers of real GPUs keep in registers', command: 'npm run test:gpu-compilers', adapter: `${gpus[name].title}, ${name}`,
      value: { kernels: answers.length, 'with memory or spills in their place': 0 },
    });
  });
});
