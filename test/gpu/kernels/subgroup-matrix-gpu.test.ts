// Prefill by subgroup matrices. Few adapters have them, so the kernel runs here with matrices that are emulated, of the
// sizes that GPUs have, and its own text goes through the compiler. Where the adapter does have them, kernels-gpu.test.ts
// checks them as any other kernel, and here they give the golden logits too.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { create } from 'webgpu';
import { type Gpu, type MatrixUnit } from '../../../src/gpu/device.ts';
import { createKernelCache, kernelSource, shaderText } from '../../../src/gpu/kernels.ts';
import { selfTest } from '../../../src/gpu/self-test.ts';
import { formats } from '../../../src/formats/catalogue.ts';
import { matrixPrefills, missing } from '../../../src/model/choices/possible-choices.ts';
import { type MatrixPart, prefillKernel } from '../../../src/model/blocks/products.ts';
import { type KernelChoice } from '../../../src/model/choices/kernel-choice.ts';
import { matrixPrefill } from '../../../src/model/choices/subgroup-matrix.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { errorsOf } from '../../models/golden.ts';
import { openDawn, openFixture, testChoice } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

const unit = (component: MatrixUnit['component'], m: number, n: number, k: number, threads: number): MatrixUnit => ({ component, m, n, k, threads });
/** Of Apple, NVIDIA, Intel and AMD, and of a software adapter. */
const all = [unit('f32', 8, 8, 8, 32), unit('f16', 16, 16, 16, 32), unit('f16', 8, 16, 16, 16), unit('f16', 16, 16, 16, 64), unit('f16', 8, 8, 8, 8)];
/** In the short run one of each type of number. */
const units = isFull ? all : all.slice(0, 2);

const kernelText = shaderText('matmul-matrix');
const subgroupOf = '@builtin(subgroup_id) subgroup : u32';
/** The subgroups of the unit, in place of those of the adapter. */
const emulation = {
  'matrix/subgroup': readFileSync('test/doubles/emulated-matrices.wgsl', 'utf8'),
  'matmul-matrix': kernelText
    .replace('requires subgroup_id;\n', '')
    .replace(`, ${subgroupOf}) {`, ') {\n  let subgroup = local / Threads;\n  lane = local % Threads;'),
};

const possible = (gpu: Gpu, { component }: MatrixUnit) => component === 'f32' || gpu.features.f16;

describe.skipIf(!adapterFile)('emulated', () => {
  it('replaces what it means to', () => expect(emulation['matmul-matrix']).not.toContain('subgroup_id'));

  it.for(units)('$component $m x $n x $k by subgroups of $threads: within the tolerance', async (each, { skip }) => {
    const real = await openDawn();
    if (!possible(real, each)) skip('the device has no shader-f16');
    const gpu = { ...real, matrixUnits: [each] };
    expect(missing(gpu, { prefill: matrixPrefill(each) })).toBeUndefined();
    const only = isFull ? /^matmul-matrix/ : each === units[0] ? /^matmul-matrix \S+( Q4_1$| of several)/ : /^matmul-matrix \S+ Q4_1$/;
    const results = await selfTest(gpu, { kernels: createKernelCache(gpu.device, emulation), only });
    real.device.destroy();
    expect(results.length).toBe(isFull ? formats.size + 2 : each === units[0] ? 2 : 1);
    expect(results.filter(({ passed, skipped }) => !passed || skipped).map(({ name, error, message }) => `${name}: ${error} ${message}`)).toEqual([]);
    console.log(
      `${results.length} checks: largest error ${Math.max(...results.map(({ error }) => error)).toExponential(1)} of ${results[0].tolerance.toExponential(1)}`,
    );
  });

  it('gives golden logits', async () => {
    const real = await openDawn();
    for (const each of (isFull ? units.slice(0, 2) : [units[0]]).filter((one) => possible(real, one))) {
      const gpu = { ...real, matrixUnits: [each] };
      const error = await goldenError(gpu, matrixPrefill(each), emulation);
      console.log(`${matrixPrefill(each)}: logits within ${error.toExponential(1)}`);
      expect(error).toBeLessThan(each.component === 'f32' ? 1e-3 : 0.02);
      if (each.component === 'f16') expect(error).toBeGreaterThan(1e-4); // else something else has run
    }
    real.device.destroy();
  });
});

describe.skipIf(!adapterFile)("the adapter's own", () => {
  it('give golden logits', async ({ skip }) => {
    const gpu = await openDawn();
    const prefills = matrixPrefills(gpu);
    if (!prefills.length) skip('the adapter has no subgroup matrices');
    for (const prefill of prefills) {
      const error = await goldenError(gpu, prefill);
      console.log(`${prefill}: logits within ${error.toExponential(1)}`);
      expect(error).toBeLessThan(0.02);
    }
  });
});

/** Of the logits of tiny models, all by prefill. */
async function goldenError(gpu: Gpu, prefill: KernelChoice['prefill'], replaced: Record<string, string> = {}): Promise<number> {
  let worst = 0;
  for (const name of isFull ? ['tiny-llama-k', 'tiny-gemma3'] : ['tiny-llama-k']) {
    const model = await openFixture(gpu, `tiny/${name}.gguf`, { choice: { ...testChoice, prefill } }, createKernelCache(gpu.device, replaced));
    worst = Math.max(worst, (await errorsOf(model, name)).prefill);
    await model.destroy();
  }
  return worst;
}

describe('the compiler', () => {
  const instances: GPU[] = []; // Dawn crashes once one is garbage-collected while devices are alive
  afterAll(() => void instances.splice(0));

  it.for(all)('takes $component $m x $n x $k by subgroups of $threads', async (each) => {
    if (adapterFile) dawn(); // puts the WebGPU classes in place
    const instance = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
    instances.push(instance);
    const adapter = (await instance.requestAdapter())!;
    const wanted = ['subgroups', 'shader-f16', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
    expect(wanted.filter((name) => !adapter.features.has(name))).toEqual([]);
    const device = await adapter.requestDevice({ requiredFeatures: wanted });
    const part = { matrix: { format: formats.get('Q4_K')! } } as unknown as MatrixPart;
    const source = (prefill: KernelChoice['prefill']) => kernelSource(prefillKernel({ prefill, tile: 'f32' }, part, {}).kernel);
    const messages = async (code: string) =>
      (await device.createShaderModule({ code }).getCompilationInfo()).messages.map(({ lineNum, message }) => `${lineNum}: ${message}`);
    expect(await messages(source(matrixPrefill(each)))).toEqual([]);
    device.pushErrorScope('validation');
    expect(await messages(source(matrixPrefill(each)).replace('row_major', 'no_major'))).not.toEqual([]); // it does look
    await device.popErrorScope();
    device.destroy();
  });
});
