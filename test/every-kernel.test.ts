import { describe, expect, it } from 'vitest';
import { type KernelSpec, kernelKey, kernelSource, readInterface, shaderName } from '../src/gpu/kernels.ts';
import { policyShaders } from '../src/gpu/policy-kernels.ts';
import { everyKernel } from './every-kernel.ts';
import { workgroupBytes } from './workgroup-bytes.ts';

/** As kernels name them. */
const policyShaderNames = () => Object.keys(policyShaders).map(shaderName);

describe('every kernel', async () => {
  const specs = await everyKernel();

  it('is there of policies too, whichever files of theirs it is made of', () => {
    const used = new Set(specs.flatMap(({ kernel, files = [] }) => [kernel, ...files]));
    const unused = policyShaderNames().filter((name) => !used.has(name));
    expect(unused).toEqual([]);
  });

  it('shares heads in parts of 16 only where they leave as many rows as a subgroup may have threads', () => {
    const parts = specs.filter(({ kernel, consts }) => kernel === 'attention' && consts!.PartVec4s === 4 && consts!.Parts > 1);
    expect(new Set(parts.map(({ files }) => files!.includes('head/by-subgroup')))).toEqual(new Set([true, false]));
    expect(new Set(parts.map(({ consts }) => consts!.Rows))).toEqual(new Set([64, 32]));
  });

  it('is there in forms for few registers', async () => {
    const lean = await everyKernel(64);
    const of = (list: KernelSpec[], name: string) => list.filter(({ kernel }) => kernel === name);
    const most = (list: KernelSpec[], name: string, number: string) => Math.max(...of(list, name).map(({ consts }) => consts![number]));
    const bothHalves = (list: KernelSpec[]) => of(list, 'experts').filter(({ files, constants }) => files!.includes('assign/grouped') && constants!.Gate);
    expect(bothHalves(specs).length).toBeGreaterThan(0);
    expect(bothHalves(lean)).toEqual([]);
    expect([most(specs, 'scan', 'Each'), most(lean, 'scan', 'Each')]).toEqual([8, 4]);
    expect([most(specs, 'wkv', 'Each'), most(lean, 'wkv', 'Each')]).toEqual([8, 4]);
    expect([most(specs, 'neurons', 'Tokens'), most(lean, 'neurons', 'Tokens')]).toEqual([8, 4]);
    expect(of(lean, 'scan-blocks').filter(({ consts }) => consts!.Keys > 64 && consts!.Quads > 2)).toEqual([]);
    expect(new Set(of(lean, 'matmul').map(({ constants }) => constants!.Lean))).toEqual(new Set([1]));
    expect(new Set(of(specs, 'matmul').map(({ constants }) => constants!.Lean))).toEqual(new Set([undefined]));
  });

  it('binds each number once, and asks for no more buffers and bytes of workgroups than every device has', () => {
    let mostBytes = 0;
    const wrong = specs.flatMap((spec) => {
      const source = kernelSource(spec);
      const bindings = [...readInterface(source).bindings.values()];
      const storage = bindings.filter(({ type }) => type !== 'uniform').length;
      const bytes = workgroupBytes(source, spec.constants, 16384);
      mostBytes = Math.max(bytes, mostBytes);
      const fits = new Set(bindings.map(({ binding }) => binding)).size === bindings.length && storage <= 8 && bytes <= 16384;
      return fits ? [] : [`${storage} buffers, ${bytes} bytes: ${kernelKey(spec)}`];
    });
    expect(specs.length).toBeGreaterThan(5000);
    expect(wrong).toEqual([]);
    expect(mostBytes).toBe(16384); // of prefill's attention, with heads in parts
  });
});
