import { describe, expect, it } from 'vitest';
import { type Gpu } from '../gpu/device.ts';
import { missing } from './possible-shapes.ts';

const gpu = (smallestSubgroup: number) =>
  ({ device: { limits: { maxComputeInvocationsPerWorkgroup: 256 } }, features: { subgroups: smallestSubgroup > 0, f16: false }, smallestSubgroup }) as unknown as Gpu;

describe('missing', () => {
  it.each([[0, [false, false]], [4, [true, false]], [8, [true, true]], [32, [true, true]]])('lets no more threads share than the smallest subgroup of %i has', (smallest, possible) => {
    expect((['broadcast4', 'broadcast8'] as const).map((prefill) => !missing(gpu(smallest), { prefill }))).toEqual(possible);
  });

  it('says what is lacking', () => {
    expect(missing(gpu(4), { prefill: 'broadcast8' })).toBe('its subgroups may be as small as 4');
    expect(missing(gpu(0), { prefill: 'broadcast4' })).toBe('the device has no subgroups');
    expect(missing(gpu(0), { splits: 16 })).toMatch(/need workgroups of 512; the device allows 256/);
    expect(missing(gpu(0), { splits: 8, tile: 'f32', prefill: 'rows', reduce: 'workgroup' })).toBeUndefined();
  });
});
