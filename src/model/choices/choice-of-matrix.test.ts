import { expect, it } from 'vitest';
import { choiceOf } from './choice-of-matrix.ts';
import { plainChoice } from './kernel-choice.ts';

const integers = { ...plainChoice, prefill: 'tile', tile: 'i16', dot: 'i8' } as const;

it('takes the shapes of a kind in place of those of the model', () => {
  const choice = { ...integers, matrices: { 'Q4_K 64x64 output': { tile: 'f16' as const } } };
  expect(choiceOf(choice, 'Q4_K 64x64 output')).toMatchObject({ tile: 'f16', dot: 'i8' });
  expect(choiceOf(choice, 'Q4_K 64x64 other')).toMatchObject({ tile: 'i16', dot: 'i8' });
});

it('rounds no activations of a router to bytes, whatever was chosen for the model or measured', () => {
  expect(choiceOf(integers, 'Q4_K 8x64 norm router')).toMatchObject({ tile: 'f32', dot: 'f32' });
  const measured = { ...plainChoice, matrices: { 'Q4_K 8x64 norm router': { prefill: 'tile', tile: 'i16' } as const } };
  expect(choiceOf(measured, 'Q4_K 8x64 norm router')).toMatchObject({ tile: 'f32' });
  expect(choiceOf({ ...plainChoice, tile: 'f16', dot: 'staged' }, 'F32 8x64 router')).toMatchObject({ tile: 'f16', dot: 'staged' });
});
