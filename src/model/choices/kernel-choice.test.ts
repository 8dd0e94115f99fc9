import { describe, expect, it } from 'vitest';
import { type KernelChoice, checkedChoice, checksExactly, plainChoice } from './kernel-choice.ts';

const choice = (given: Partial<KernelChoice>): KernelChoice => ({ ...plainChoice, few: 0, ...given });

describe('kernels where guesses are checked', () => {
  it.each<[Partial<KernelChoice>, number]>([
    [{ prefill: 'rows', tile: 'f16' }, 0],
    [{ prefill: 'broadcast8' }, 0],
    [{ prefill: 'tile', tile: 'f32' }, 0],
    [{ prefill: 'matrix-f32-8x8x8-32' }, 0],
    [{ prefill: 'tile', tile: 'f16' }, 8],
    [{ prefill: 'tile', tile: 'i16' }, 8],
    [{ prefill: 'tile', tile: 'i8' }, 8],
    [{ prefill: 'matrix-f16-16x16x16-32' }, 8],
    [{ prefill: 'tile', tile: 'f16', few: 4 }, 4],
  ])('are by one for a few rows where that of many rounds: %o', (given, few) => {
    expect(checkedChoice(choice(given), 8)).toEqual({ ...choice(given), few });
    expect(checksExactly(checkedChoice(choice(given), 8))).toBe(true);
    expect(checksExactly(choice(given))).toBe(few === (given.few ?? 0));
  });

  it('are so for each kind of matrix', () => {
    const matrices = { a: { tile: 'f16' }, b: { prefill: 'rows' }, c: { tile: 'f16', few: 4 } } as const;
    const checked = (untuned: number) => checkedChoice(choice({ prefill: 'tile', tile: 'f32', matrices }), untuned);
    expect(checked(16)).toMatchObject({ few: 0, matrices: { ...matrices, a: { tile: 'f16', few: 16 } } });
    expect(checked(0), 'where none is the untuned choice').toMatchObject({ matrices: { a: { few: 1 } } });
    expect(checksExactly(choice({ prefill: 'tile', tile: 'f32', matrices }))).toBe(false);
  });
});
