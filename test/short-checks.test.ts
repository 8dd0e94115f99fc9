import { expect, it } from 'vitest';
import { formats, loadFormats, typeNames } from '../src/formats/catalogue.ts';
import { checksOfAll } from '../src/gpu/checks/operation-checks.ts';
import { samplerChecks } from '../src/gpu/checks/sampler.ts';
import { stageChecks } from '../src/gpu/checks/stages.ts';
import { tickChecks } from '../src/gpu/checks/tick.ts';
import { type Gpu } from '../src/gpu/device.ts';
import { addPolicyShaders } from '../src/kv/policies/shaders.ts';
import { elsewhere, inChromium, onLavapipe, onSwiftShader, rareTypes, underOtherLimits } from './short-checks.ts';

await loadFormats(typeNames);
addPolicyShaders();
const gpu = { features: { subgroups: true, f16: true, packedDot: true }, smallestSubgroup: 8, largestSubgroup: 8, matrixUnits: [] } as unknown as Gpu;
const names = [...checksOfAll(gpu), ...samplerChecks(), ...stageChecks(), ...tickChecks()].map(({ name }) => name);
const taken = (pattern: string) => names.filter((name) => new RegExp(`^${pattern}`).test(name));

it('every check is run on lavapipe, on SwiftShader, or something else shows the same', () => {
  const run = new Set([...taken(onLavapipe), ...taken(onSwiftShader)]);
  const others = Object.values(elsewhere);
  expect(names.length).toBeGreaterThan(300);
  expect(names.filter((name) => !run.has(name) && !others.some((other) => other.test(name)))).toEqual([]);
});

it('every kernel multiplies with each kind of codes', () => {
  const kernels = new Set(names.flatMap((name) => /^(.*) Q4_K$/.exec(name)?.[1] ?? []).filter((kernel) => !/^matmul (f16|i)/.test(kernel)));
  const run = [...taken(onLavapipe), ...taken(onSwiftShader)];
  const wanted = [...kernels].flatMap((kernel) => ['Q8_0', 'Q6_K', 'Q4_K'].map((type) => `${kernel} ${type}`));
  expect(wanted.filter((name) => names.includes(name) && !run.includes(name))).toEqual([]);
});

it('knows the rare types', () => {
  const rare = [...formats.values()].flatMap(({ name, shader }) => (shader ? [name] : []));
  expect(rare.filter((name) => !new RegExp(`^(${rareTypes})$`).test(name))).toEqual([]);
  expect([...formats.keys()].filter((name) => !rare.includes(name) && new RegExp(`^(${rareTypes})$`).test(name))).toEqual([]);
});

it('takes some kernels of two types under other limits', () => {
  expect(taken(underOtherLimits).length).toBeGreaterThan(12);
  expect(taken(underOtherLimits).length).toBeLessThan(30);
});

it('takes one check of most kernels in Chromium', () => {
  expect(taken(inChromium).length).toBeGreaterThan(14);
  expect(taken(inChromium).length).toBeLessThan(30);
});
