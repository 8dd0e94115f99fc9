import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../errors.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { defaultChoice, parseChoice, roundingIn, choiceFor } from './choice-text.ts';

const gpu = (invocations: number, features: Gpu['features']) =>
  ({ device: { limits: { maxComputeInvocationsPerWorkgroup: invocations } }, features }) as unknown as Gpu;
const base = defaultChoice(gpu(256, { subgroups: true, f16: true, packedDot: true }));

describe('defaultChoice', () => {
  it('uses what the device has', () => {
    expect(base).toMatchObject({ splits: 8, tile: 'f32', reduce: 'subgroup' });
    expect(defaultChoice(gpu(1024, { subgroups: false, f16: false, packedDot: false }))).toMatchObject({ splits: 8, tile: 'f32', reduce: 'workgroup' });
    expect(defaultChoice(gpu(128, { subgroups: false, f16: false, packedDot: false })).splits).toBe(4);
  });

  it.each([
    ['amd', 64, { part: 64, uniform: 64, lanes: 0, registers: 128 }],
    ['intel', 32, { part: 16, uniform: 32, lanes: 4, registers: 64 }],
    ['nvidia', 32, { part: 32, uniform: 0, lanes: 0, registers: 128 }],
    ['qualcomm', 128, { part: 32, uniform: 0, lanes: 0, registers: 64 }],
  ])("shares heads and registers as the compiler of %s likes it, whose largest subgroup is %i", (vendor, largestSubgroup, parts) => {
    const of = { ...gpu(256, { subgroups: true, f16: true, packedDot: true }), vendor, largestSubgroup, smallestSubgroup: 8 };
    expect(defaultChoice(of)).toMatchObject(parts);
    const inSoftware = defaultChoice({ ...of, software: true });
    expect(inSoftware).toMatchObject({ part: 0, uniform: 0 });
    expect(inSoftware.registers).toBeUndefined();
  });
});

describe('parseChoice', () => {
  it('puts the shapes named in place of the given ones', () => {
    expect(parseChoice('', base)).toEqual(base);
    expect(parseChoice('splits=1,prefill=rows', base)).toEqual({ ...base, splits: 1, prefill: 'rows' });
  });

  it.each([
    ['splits', /splits is not given; it can be 1, 2, 4/],
    ['splits=3', /splits is 3/],
    ['splits=01', /splits is 01/],
    ['span=100', /span is 100; it can be 64, 128, 256, 512/],
    ['prefill=fast', /prefill is fast; it can be tile, rows/],
    ['speed=1', /"speed=1" is not a kernel choice; known are splits/],
    ['toString=1', /not a kernel choice/],
  ])('refuses %s', (text, message) => {
    expect(() => parseChoice(text, base)).toThrow(RequestError);
    expect(() => parseChoice(text, base)).toThrow(message);
  });
});

describe('choiceFor', () => {
  const all = gpu(256, { subgroups: true, f16: true, packedDot: true });

  it('puts a choice over the untuned shapes', () => {
    expect(choiceFor(all, {})).toEqual(base);
    expect(choiceFor(all, { kernels: 'dot=i8' })).toEqual({ ...base, dot: 'i8' });
  });

  it('takes subgroup matrices that the device has, but none of f16 on the exact path', () => {
    const kernels = 'prefill=matrix-f16-8x8x8-8';
    const device = {
      ...all,
      device: { limits: { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 32768 } },
      smallestSubgroup: 8,
      matrixUnits: [{ component: 'f16', m: 8, n: 8, k: 8, threads: 8 }],
    } as unknown as Gpu;
    expect(choiceFor(device, { kernels })).toEqual({ ...base, prefill: 'matrix-f16-8x8x8-8' });
    expect(() => choiceFor(device, { f32: true, kernels })).toThrow(/rounds activations to f16/);
    expect(() => choiceFor({ ...device, matrixUnits: [] }, { kernels })).toThrow(/no such subgroup matrices/);
  });

  it('refuses what rounds on the exact path', () => {
    expect(() => choiceFor(all, { f32: true, kernels: 'tile=f16' })).toThrow(/tile is f16, which rounds weights, but f32 asks/);
  });

  it('takes on the exact path what nothing is rounded by: tiles of f16 where prefill takes none', () => {
    expect(choiceFor(all, { f32: true, kernels: 'prefill=rows,tile=f16' })).toMatchObject({ prefill: 'rows', tile: 'f16' });
  });

  it.each(['i16', 'i8'])('refuses tiles of %s on the exact path, and without the products of the browser', (tile) => {
    expect(choiceFor(all, { kernels: `tile=${tile}` })).toEqual({ ...base, tile });
    expect(() => choiceFor(all, { f32: true, kernels: `tile=${tile}` })).toThrow(/rounds activations to bytes, but f32 asks/);
    expect(() => choiceFor(gpu(256, { subgroups: false, f16: true, packedDot: false }), { kernels: `tile=${tile}` })).toThrow(/no packed_4x8/);
  });

  it('refuses activations in bytes on the exact path, and what the device cannot run', () => {
    expect(() => choiceFor(all, { f32: true, kernels: 'dot=i8' })).toThrow(/rounds activations.*f32 asks for no rounding/);
    const plain = gpu(256, { subgroups: false, f16: false, packedDot: false });
    expect(() => choiceFor(plain, { kernels: 'dot=i8' })).toThrow(/no packed_4x8_integer_dot_product/);
    expect(() => choiceFor(plain, { kernels: 'splits=16' })).toThrow(RequestError);
  });
});

it('what rounds is found in the shapes of all matrices, and in those of one kind', () => {
  const exact = { ...base, tile: 'f32' } as const;
  expect(roundingIn(exact)).toBeUndefined();
  expect(roundingIn({ ...exact, matrices: { 'blk.0.attn_q': { dot: 'i8' } } })).toMatch(/dot is i8/);
  expect(roundingIn({ ...exact, matrices: { 'blk.0.attn_q': { prefill: 'rows', tile: 'f16' } } })).toBeUndefined();
  expect(roundingIn({ ...exact, prefill: 'rows', matrices: { 'blk.0.attn_q': { prefill: 'tile', tile: 'f16' } } })).toMatch(/tile is f16/);
});
