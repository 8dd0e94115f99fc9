// What is run again of what passed at an earlier load.
import { expect, it } from 'vitest';
import { sampleOf } from './run.ts';
import { type Check } from './check.ts';

const names = [
  'matvec Q4_K of 256 columns, 8 splits, 1 panels', 'matvec Q6_K of 256 columns, 4 splits, 1 panels', 'matvec-few Q4_K of 256 columns, 4 splits',
  'matmul f32 Q4_K of 256 columns', 'matmul f32 Q6_K of 256 columns', 'matmul i16 Q4_K of 256 columns', 'matmul-matrix matrix-f16-8x8x8-8 F16 of 256 columns',
  'matvec-wide by 8 Q4_K of 256 columns', 'rms-norm by workgroup of 256', 'attention-decode by 128 in 128, 4/2 heads of 64 in f16',
  'attention by parts of 32, 4/2 heads of 64 in f16', 'attention-wide by 8, 4/2 heads of 64 in f16', 'experts Q8_0 64x256 silu, decode, 8 splits',
  'experts Q8_0 64x256 silu, prefill, 4 splits', 'scan ssd of 64 x 64', 'argmax, 2049 tokens',
];
const checks = names.map((name): Check => ({ name, tolerance: 0, choice: {}, cases: [] }));
const all = Object.fromEntries(names.map((name) => [name, '']));

it('is one check of each kernel that does much: of decode, of few rows, of each way of prefill, of attention of one row and of many', () => {
  expect(sampleOf(checks, all).map(({ name }) => name)).toEqual(names.filter((name) => !/^(matvec Q6|matmul f32 Q6|rms|argmax)/.test(name)));
});

it('is of what passed', () => {
  const { [names[0]]: first, [names[2]]: few, ...others } = all;
  const known = { ...others, [names[0]]: `wrong${first}`, [names[2]]: `wrong${few}` };
  expect(sampleOf(checks, known).map(({ name }) => name).slice(0, 2)).toEqual([names[1], names[3]]);
  expect(sampleOf(checks, {})).toEqual([]);
});
