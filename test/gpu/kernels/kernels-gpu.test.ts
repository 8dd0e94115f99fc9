// Every GPU kernel against src/reference on Dawn: with all that the adapter offers, with the specification's default
// limits, and without optional features. The checks are those of the self-test.
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { describe, expect, it } from 'vitest';
import { formats, loadFormats, typeNames } from '../../../src/formats/catalogue.ts';
import { type DeviceOptions } from '../../../src/gpu/device.ts';
import { createKernelCache, type KernelSpec } from '../../../src/gpu/kernels.ts';
import { type CheckResult, selfTest } from '../../../src/gpu/self-test.ts';
import { openModel } from '../../../src/engine/load/opened.ts';
import { defaultChoice } from '../../../src/engine/measure/choice-text.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile } from '../../dawn.ts';
import { fixture } from '../../fixture.ts';
import { openDawn } from '../../model.ts';
import { isFull, record } from '../../verified.ts';

const devices: Record<string, DeviceOptions> = {
  'all that the adapter offers': {},
  'the default limits, and neither subgroups nor shader-f16': { limits: 'default', without: ['subgroups', 'shader-f16'] },
  ...(isFull ? { 'the default limits': { limits: 'default' as const } } : {}),
};

/** Types whose kernels are checked by the short run under other limits too: a float type, and quantised ones with and without a minimum. */
const someTypes = ['F32', 'Q4_1', 'Q4_K', 'Q6_K'];

/** The short run leaves out most checks of rare weight types, whose own shader is all that differs: one kernel that adds up and one that unpacks are enough. */
async function wanted({ limits }: DeviceOptions): Promise<RegExp | undefined> {
  if (isFull) return undefined;
  await loadFormats(typeNames);
  if (limits === 'default') return new RegExp(`^(?!.* (${[...formats.keys()].filter((name) => !someTypes.includes(name)).join('|')})$)`);
  const rare = [...formats.values()].flatMap(({ name, shader }) => (shader ? [name] : [])).join('|');
  return new RegExp(`^(matvec|matmul f32) (${rare})$|^(?!.* (${rare})$)`);
}

describe.skipIf(!adapterFile).each(Object.entries(devices))('with %s', (title, options) => {
  it('every kernel gives the numbers of the reference', async () => {
    const gpu = await openDawn(options);
    const results = await selfTest(gpu, {
      only: await wanted(options),
      onCheck: (result, done, total) => process.env.WINDROW_PROGRESS && console.log(`${Math.round(performance.now())} ${done}/${total} ${line(result)}`),
    });
    gpu.device.destroy();
    const skipped = results.filter((result) => result.skipped);
    console.log(`${results.length - skipped.length} checks with ${title} on ${gpu.adapterName}`);
    for (const reason of new Set(skipped.map((result) => result.skipped)))
      console.log(`skipped: ${skipped.filter((result) => result.skipped === reason).length} checks, as ${reason}`);
    expect(results.filter((result) => !result.passed).map(line)).toEqual([]);
    if (options.without) expect(skipped.map((result) => result.skipped)).toContain('the device has no subgroups');
    record({
      point: `Every kernel against the reference at awkward sizes, with ${title}`,
      command: 'npx vitest run --project gpu test/gpu/kernels/kernels-gpu.test.ts',
      value: {
        checks: results.length - skipped.length,
        skipped: skipped.length,
        failed: 0,
        'largest share of a tolerance': Math.max(...results.map(({ error, tolerance }) => error / tolerance)).toPrecision(2),
      },
    });
  });
});

const unusual = isFull ? ['gemma2', 'olmo2', 'cohere2', 'mistral3', 'hunyuan-dense', 'apertus', 'arcee', 'granite'].map((family) => `tiny-${family}`) : [];

describe.skipIf(!adapterFile)('the self-test', () => {
  it.each(['tiny-llama-k', 'tiny-qwen2', 'tiny-qwen3', 'tiny-gemma3', 'tiny-phi3', ...unusual])(
    'passes for the kernels of %s alone, with its own pipelines',
    async (name) => {
      const gpu = await openDawn();
      const source = bytesSource(fixture(`tiny/${name}.gguf`), name);
      const { graph, header } = await openModel(await readHeader(source));
      for (const f32 of [false, true]) {
        const results = await selfTest(gpu, {
          model: { graph, choice: defaultChoice(gpu, { f32 }), kv: kvFormat(f32 ? 'f32' : 'f16'), typeOf: (tensor) => header.tensors.get(tensor)!.type },
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
    const results = await selfTest(gpu, { kernels: forgetful, only: /^(gate|rms-norm by workgroup)/ });
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
});

const line = ({ name, error, tolerance, message }: CheckResult): string =>
  `${name}: error ${error.toExponential(2)}, allowed ${tolerance.toExponential(2)}${message ? `\n${message}` : ''}`;
