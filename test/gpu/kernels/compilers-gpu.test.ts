// What the compilers of real GPUs make of the kernels that a GPU may be offered: Mesa's drivers compile for hardware that is not there
// (scripts/gpu-compilers), and say how many registers they took and whether those were enough. The short run takes an eighth, of rare types
// less, for one of AMD's; WINDROW_FULL=1 takes all, for every GPU whose driver is here.
import { describe, expect, it } from 'vitest';
import { compileFor, ensureLayer } from '../../../scripts/gpu-compilers/compile.mjs';
import { gpus, lacking } from '../../../scripts/gpu-compilers/gpus.mjs';
import { formats } from '../../../src/formats/catalogue.ts';
import { type KernelSpec, kernelKey, kernelSource } from '../../../src/gpu/kernels.ts';
import { everyKernel } from '../../every-kernel.ts';
import { isFull, record } from '../../verified.ts';

/** Dimensions of a head that a thread of prefill's attention has on the GPUs of a maker (src/engine/measure/choice-text.ts). */
const partVec4s = (gpu: string): number => (/^(navi|gfx)/.test(gpu) ? 16 : 8);

/** Whether a GPU may get a kernel: rows by themselves are for processors, and so are whole heads that are larger than a part. */
function isOffered({ kernel, files = [], consts = {} }: KernelSpec, gpu: string): boolean {
  if (['matvec-rows', 'matvec-broadcast', 'sample-probabilities'].includes(kernel)) return false;
  if (kernel === 'attention-decode') return consts.HeadVec4s <= 2 * consts.Threads; // as src/engine/measure/tune-attention.ts has it
  if (kernel !== 'attention') return true;
  const byMaker = files.includes('head/by-subgroup') === /^(navi|gfx|dg|lnl)/.test(gpu) || files.includes('head/whole');
  return byMaker && consts.PartVec4s <= partVec4s(gpu) && files.includes('eight/broadcast') === /^(dg|lnl)/.test(gpu);
}

/** One in eight; of rare weight types, whose own file is all that differs, one in 128. */
const some = (specs: KernelSpec[]): KernelSpec[] => specs.filter(({ files = [] }, i) => i % (files.some(isRare) ? 128 : 8) === 0);
const isRare = (file: string): boolean => formats.get(file.replace('formats/', ''))?.shader !== undefined;

/** Why there is no layer, if there is none. */
const layer = await Promise.resolve().then(ensureLayer).then(() => undefined, ({ message }: Error) => message);

const names = isFull ? Object.keys(gpus) : ['navi31'];

describe.each(names)('the compiler for %s', (name) => {
  const why = layer ?? lacking(name);
  it.skipIf(why)(why ? `but ${why}` : 'keeps every kernel in registers', async () => {
    const offered = (await everyKernel()).filter((spec) => isOffered(spec, name));
    const specs = isFull ? offered : some(offered);
    const answers = await compileFor(specs.map((spec) => ({ code: kernelSource(spec), constants: spec.constants })), name);
    const { mostSpills, attentionSpills = mostSpills } = gpus[name];
    const wrong = answers.flatMap((answer, i) => {
      if ('use' in answer && answer.use.memory === 0 && answer.use.spills <= (specs[i].kernel === 'attention' ? attentionSpills : mostSpills)) return [];
      return [`${kernelKey(specs[i])}: ${'use' in answer ? `${answer.use.memory} bytes, ${answer.use.spills} spills` : answer.error}`];
    });
    expect(answers.length).toBeGreaterThan(100);
    console.log(`${answers.length} kernels for ${name}, most registers ${Math.max(...answers.map((answer) => ('use' in answer ? answer.use.registers : 0)))}`);
    expect(wrong).toEqual([]);
    record({
      point: 'Kernels that the compilers of real GPUs keep in registers', command: 'npm run test:gpu-compilers', adapter: `${gpus[name].title}, ${name}`,
      value: { kernels: answers.length, 'with memory or spills in their place': 0 },
    });
  });
});
