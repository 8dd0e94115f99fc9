// What the compilers of real GPUs make of the kernels that a GPU may be offered (test/offered-kernels.ts): Mesa's drivers compile for hardware that is
// not there (scripts/gpu-compilers), and say how many registers they took and whether those were enough. The short run takes an eighth of them
// for one of AMD's; WINDROW_FULL=1 takes all, for every GPU whose driver is here, and with WINDROW_EVERY=1 those too that differ from another one
// in sizes and fusions alone.
import { describe, expect, it } from 'vitest';
import { type Answer, compileFor, ensureLayer } from '../../../scripts/gpu-compilers/compile.mjs';
import { described, gpus, lacking } from '../../../scripts/gpu-compilers/gpus.mjs';
import { type KernelSpec, kernelKey, kernelSource } from '../../../src/gpu/kernels.ts';
import { offeredKernels } from '../../offered-kernels.ts';
import { isFull, record } from '../../verified.ts';

/** Why there is no layer, if there is none. */
const layer = await Promise.resolve().then(ensureLayer).then(() => undefined, ({ message }: Error) => message);

const names = isFull ? Object.keys(gpus) : ['navi31'];

describe.each(names)('the compiler for %s', (name) => {
  const why = layer ?? lacking(name);
  it.skipIf(why)(why ? `but ${why}` : 'keeps every kernel in registers', async () => {
    const offered = await offeredKernels(described(name), process.env.WINDROW_EVERY === '1');
    const specs = isFull ? offered : offered.filter((_, i) => i % 8 === 0);
    const of = (spec: KernelSpec, more = {}) => ({ code: kernelSource(spec), constants: { ...spec.constants, ...more } });
    const answers = await compileFor(specs.map((spec) => of(spec)), name);
    const { mostSpills, attentionSpills = mostSpills } = gpus[name];
    const allowed = ({ kernel }: KernelSpec) => (kernel === 'attention' ? attentionSpills : mostSpills);
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
