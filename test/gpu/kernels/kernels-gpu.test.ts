// Every GPU kernel that multiplies with weights against src/reference on Dawn, with all that the adapter offers (the others: other-kernels), and
// what the self-test makes of a model and of wrong kernels.
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { describe, expect, it } from 'vitest';
import { createKernelCache, type KernelSpec, shaderText } from '../../../src/gpu/kernels.ts';
import { selfTest } from '../../../src/gpu/self-test.ts';
import { openModel } from '../../../src/engine/load/opened.ts';
import { defaultChoice } from '../../../src/engine/measure/tune/choice-text.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile, isSwiftShader } from '../../dawn.ts';
import { fixture } from '../../models/fixture.ts';
import { describeKernels, line, products } from '../../kernel-checks.ts';
import { openDawn } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

describeKernels('all that the adapter offers: products', {}, 'kernels-gpu.test.ts', products);

const others = isFull
  ? [
    'gemma3', 'qwen2', 'qwen3', 'phi3', 'gemma2', 'olmo2', 'cohere2', 'mistral3', 'hunyuan-dense', 'apertus', 'arcee', 'granite', 'gpt-oss', 'gemma4',
    'gemma4-moe', 'lfm2', 'granitehybrid', 'qwen35moe', 'deepseek2',
  ].map((family) => `tiny-${family}`)
  : [];

// One software adapter is enough for these in the short run.
describe.skipIf(!adapterFile || (isSwiftShader && !isFull))('the self-test', () => {
  it.each(['tiny-llama-k', ...others])(
    'passes for the kernels of %s alone, with its own pipelines',
    async (name) => {
      const gpu = await openDawn();
      const source = bytesSource(fixture(`tiny/${name}.gguf`), name);
      const { graph, header } = await openModel(await readHeader(source));
      for (const f32 of [false, true]) {
        const results = await selfTest(gpu, {
          model: { graph, choice: defaultChoice(gpu), kv: kvFormat(f32 ? 'f32' : 'f16'), typeOf: (tensor) => header.tensors.get(tensor)!.type },
        });
        expect(results.filter((result) => !result.passed).map(line)).toEqual([]);
        const kernels = ['embed', 'matvec', 'matmul', 'rope', 'attention-decode', 'attention', 'argmax', 'sampler'];
        expect(kernels.filter((kernel) => !results.some((result) => result.name.startsWith(kernel)))).toEqual([]);
      }
      gpu.device.destroy();
    },
  );

  it('fails the kernels that leave out what they should do, or do not compile', async () => {
    const gpu = await openDawn();
    const kernels = createKernelCache(gpu.device);
    const forgetful = {
      ...kernels,
      get: (spec: KernelSpec) =>
        kernels.get(spec.kernel === 'gate' ? { ...spec, files: [] } : { ...spec, constants: { ...spec.constants, Add: 0, Center: 0 } }),
    };
    const results = await selfTest(gpu, { kernels: forgetful, only: /^(gate |rms-norm by workgroup)/ });
    expect(results.map(({ name, passed }) => [name, passed])).toEqual([
      ['rms-norm by workgroup, added', false],
      ['rms-norm by workgroup', true],
      ['rms-norm by workgroup, centered', false],
      ['gate silu', false],
      ['gate gelu', false],
    ]);
    expect(results[3].message).toMatch(/does not compile/);
    gpu.device.destroy();
  });

  it.runIf(isFull)('fails each product that takes the words at which its section begins for its weights', async () => {
    const gpu = await openDawn();
    const { graph, header } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
    const choice = { ...defaultChoice(gpu), joined: 1 as const };
    const model = { graph, choice, kv: kvFormat('f32'), typeOf: (name: string) => header.tensors.get(name)!.type };
    const only = /^matvec (?!that).* as (up|down)|^matvec that joins splits/;
    const right = await selfTest(gpu, { model, only });
    expect(right.filter((result) => !result.passed).map(line)).toEqual([]);
    expect(right.map(({ name }) => /as up|as down|joins/.exec(name)![0])).toEqual(expect.arrayContaining(['as up', 'as down', 'joins']));
    const kernels = createKernelCache(gpu.device, { matvec: shaderText('matvec').replaceAll('params[Slot].first +', '') });
    const results = await selfTest(gpu, { model, only, kernels });
    expect(results.filter((result) => result.passed).map(line)).toEqual([]);
    gpu.device.destroy();
  });
});
