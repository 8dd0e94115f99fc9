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

it('takes larger parts of panels, with fewer threads to a row, for more rows than a dispatch has workgroups for', () => {
  const parts = { ...plainChoice, splits: 32, panels: 0.25 };
  const of = (rows: number) => choiceOf({ ...parts, matrices: { 'Q4_K 9x64 x': { splits: 16, panels: 0.5 } } }, `Q4_K ${rows}x64 norm logits`);
  expect(of(524280)).toMatchObject({ splits: 32, panels: 0.25 });
  expect(of(524281)).toMatchObject({ splits: 16, panels: 0.5 });
  expect(of(1048561)).toMatchObject({ splits: 8, panels: 1 });
});
