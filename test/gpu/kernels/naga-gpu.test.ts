// Whether naga, Firefox's shader compiler, takes every kernel that a model can be recorded with. Firefox itself is not run.
import { describe, expect, it } from 'vitest';
import { compileWithNaga, ensureWgpu } from '../../../scripts/naga/naga.mjs';
import { formats } from '../../../src/formats/catalogue.ts';
import { type KernelSpec, kernelKey, kernelSource, readInterface } from '../../../src/gpu/kernels.ts';
import { adapterFile } from '../../dawn.ts';
import { everyKernel } from '../../every-kernel.ts';
import { isFull, record } from '../../verified.ts';

const source = (spec: KernelSpec) => {
  const code = kernelSource(spec);
  return {
    code,
    bindings: [...readInterface(code).bindings.values()].map(({ binding, type }): [number, string] => [binding, type]),
    constants: spec.constants ?? {},
  };
};

/**
 * As many as have every file beside every kernel that reads it at least once, and every 64th of the others; of a rare weight type, whose own file is all that
 * differs, one that adds up and one that unpacks.
 */
function some(specs: KernelSpec[]): KernelSpec[] {
  const seen = new Set<string>();
  return specs.filter(({ kernel, files = [] }, i) => {
    const rare = files.find((file) => formats.get(file.replace(/^(formats|table)\//, ''))?.shader);
    if (rare && !['matvec', 'matmul'].includes(kernel)) return false;
    const fresh = (rare ? [rare] : ['', ...files]).map((file) => `${kernel} ${file}`).filter((key) => !seen.has(key));
    for (const key of fresh) seen.add(key);
    return fresh.length > 0 || (!rare && i % 64 === 0);
  });
}

/** Those for few registers too, each once. */
const inAllForms = async (): Promise<KernelSpec[]> =>
  [...new Map([...(await everyKernel()), ...(await everyKernel(64))].map((spec) => [kernelKey(spec), spec])).values()];

/** Of the full run `WINDROW_PART=2/8` takes the second of eight parts, which take turns; all of them are thousands. */
function partOf(specs: KernelSpec[]): KernelSpec[] {
  const [part, of] = (process.env.WINDROW_PART ?? '1/1').split('/').map(Number);
  return specs.filter((_, i) => i % of === part - 1);
}

const got: { folder?: string; reason?: string } = adapterFile
  ? await ensureWgpu().then(
      (folder) => ({ folder }),
      ({ message }: Error) => ({ reason: message }),
    )
  : { reason: 'there is no Vulkan driver' };

describe.skipIf(!got.folder)(got.reason ? `naga, but ${got.reason}` : 'naga', () => {
  const compile = (sources: ReturnType<typeof source>[]) =>
    compileWithNaga(sources, { folder: got.folder!, env: { ...process.env, VK_ICD_FILENAMES: adapterFile } });

  it('takes every kernel', async () => {
    const specs = isFull ? partOf(await inAllForms()) : some(await everyKernel());
    const { version, adapter, answers } = await compile(specs.map(source));
    const skipped = answers.flatMap(({ skipped: why }) => why ?? []);
    console.log(`${specs.length - skipped.length} kernels by wgpu-native ${version} on ${adapter}`);
    for (const why of new Set(skipped)) console.log(`skipped: ${skipped.filter((each) => each === why).length} kernels, as naga has ${why}`);
    expect(specs.length).toBeGreaterThan(0);
    expect(answers.flatMap(({ error }, i) => (error ? [`${kernelKey(specs[i])}: ${error}`] : []))).toEqual([]);
    expect(skipped.length).toBeLessThan(specs.length / 4);
    if (process.env.WINDROW_PART) return; // a part is not the point
    record({
      point: 'Kernels that naga, the shader compiler of Firefox, takes; Firefox itself was not run',
      command: 'npm run test:naga',
      adapter: `wgpu-native ${version} on ${adapter}`,
      value: { kernels: specs.length - skipped.length, refused: 0, 'skipped, as they need subgroups or f16 that naga does not have': skipped.length },
    });
  });

  it('refuses one kernel, or ends its process at one, and takes the next', async () => {
    const plain = { code: '@compute @workgroup_size(1) fn main() {}', bindings: [], constants: {} };
    const refused = { ...plain, code: `${plain.code} fn f() -> u32 { return 1.0; }` };
    const deadly = { ...plain, bindings: [[0, 'nonsense']] as [number, string][] };
    const { answers } = await compile([plain, refused, deadly, plain]);
    expect(answers).toEqual([
      {},
      { error: expect.stringContaining('u32') as string },
      { error: expect.stringMatching(/^the process ended by exit status 1: .*nonsense/) as string },
      {},
    ]);
  });
});
