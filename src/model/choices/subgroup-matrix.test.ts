import { describe, expect, it } from 'vitest';
import { type MatrixUnit } from '../../gpu/device.ts';
import { fitsTile, matrixPrefill, matrixWorkgroupBytes, unitOf } from './subgroup-matrix.ts';

const unit = (m: number, n: number, k: number, threads: number, component: MatrixUnit['component'] = 'f16'): MatrixUnit => ({ component, m, n, k, threads });

describe('the names of units', () => {
  it.each([unit(16, 16, 16, 32), unit(8, 8, 8, 64, 'f32')])('%o say all of them', (each) => {
    expect(unitOf(matrixPrefill(each))).toEqual(each);
  });

  it.each(['tile', 'rows', 'matrix', 'matrix-f16', 'matrix-i8-8x8x8-32', 'matrix-f16-8x8-32'])('"%s" is none', (name) => {
    expect(unitOf(name)).toBeUndefined();
  });
});

describe('fitsTile', () => {
  it.each([
    unit(8, 8, 8, 32),
    unit(16, 16, 16, 32),
    unit(8, 16, 16, 16),
    unit(16, 16, 16, 64),
    unit(8, 8, 8, 8),
    unit(8, 8, 8, 4),
    unit(16, 8, 8, 32),
    unit(32, 8, 16, 32),
  ])('takes %o', (each) => {
    expect(fitsTile(each)).toBe(true);
  });

  it.each([
    ['columns that 32 are no multiple of', unit(8, 8, 24, 32)],
    ['more columns than are staged', unit(8, 8, 64, 32)],
    ['rows for more subgroups than there are', unit(8, 32, 16, 32)],
    ['a subgroup that is as large as the workgroup', unit(16, 16, 16, 256)],
  ])('refuses %s', (_, each) => {
    expect(fitsTile(each)).toBe(false);
  });
});

it('reckons the workgroup memory: two tiles of 64 rows of 40, a block of each of 8 subgroups, 320 sizes', () => {
  expect(matrixWorkgroupBytes(unit(16, 16, 16, 32))).toBe(2 * 64 * 40 * 2 + 8 * 16 * 16 * 4 + 320 * 4);
  expect(matrixWorkgroupBytes(unit(8, 8, 8, 32, 'f32'))).toBe(2 * 64 * 40 * 4 + 8 * 8 * 8 * 4 + 320 * 4);
});
