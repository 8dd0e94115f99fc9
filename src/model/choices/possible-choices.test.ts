import { describe, expect, it } from 'vitest';
import { type Gpu, type MatrixUnit } from '../../gpu/device.ts';
import { matrixPrefills, missing } from './possible-choices.ts';

const gpu = (smallestSubgroup: number) =>
  ({
    device: { limits: { maxComputeInvocationsPerWorkgroup: 256 } },
    features: { subgroups: smallestSubgroup > 0, f16: false },
    smallestSubgroup,
    matrixUnits: [],
  }) as unknown as Gpu;

describe('missing', () => {
  it.each([
    [0, [false, false]],
    [4, [true, false]],
    [8, [true, true]],
    [32, [true, true]],
  ])('lets no more threads share than the smallest subgroup of %i has', (smallest, possible) => {
    expect((['broadcast4', 'broadcast8'] as const).map((prefill) => !missing(gpu(smallest), { prefill }))).toEqual(possible);
    expect((['shared4', 'shared8'] as const).map((dot) => !missing(gpu(smallest), { dot }))).toEqual(possible);
  });

  it('says what is lacking', () => {
    expect(missing(gpu(4), { prefill: 'broadcast8' })).toBe('its subgroups may be as small as 4');
    expect(missing(gpu(0), { prefill: 'broadcast4' })).toBe('the device has no subgroups');
    expect(missing(gpu(0), { splits: 16 })).toMatch(/need workgroups of 512; the device allows 256/);
    expect(missing(gpu(0), { splits: 8, tile: 'f32', prefill: 'rows', reduce: 'workgroup' })).toBeUndefined();
  });
});

describe('subgroup matrices', () => {
  const unit = (component: MatrixUnit['component'], k: number): MatrixUnit => ({ component, m: 16, n: 16, k, threads: 32 });
  const withUnits = (memory: number) =>
    ({
      ...gpu(32),
      device: { limits: { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: memory } },
      matrixUnits: [unit('f16', 16), unit('f16', 24), unit('f32', 8)],
    }) as unknown as Gpu;

  it('are those of the device that fit a tile and the workgroup memory', () => {
    expect(matrixPrefills(withUnits(32768))).toEqual(['matrix-f16-16x16x16-32', 'matrix-f32-16x16x8-32']);
    expect(matrixPrefills(withUnits(20000))).toEqual(['matrix-f16-16x16x16-32']);
    expect(matrixPrefills(withUnits(32768), true)).toEqual(['matrix-f32-16x16x8-32']);
    expect(matrixPrefills(gpu(32))).toEqual([]);
  });

  it('are refused with the reason', () => {
    expect(missing(withUnits(32768), { prefill: 'matrix-f16-8x8x8-32' })).toBe('the device has no such subgroup matrices');
    expect(missing(withUnits(32768), { prefill: 'matrix-f16-16x16x24-32' })).toMatch(/cannot be divided/);
    expect(missing(withUnits(16384), { prefill: 'matrix-f16-16x16x16-32' })).toBe(
      'such subgroup matrices need 19712 bytes of workgroup memory; the device allows 16384',
    );
  });
});
