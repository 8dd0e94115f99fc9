// The choice of kernels that checks begin from.
import { type KernelChoice, usualAttention, usualChunk } from '../../model/choices/kernel-choice.ts';

export const decodeChoice = (choice: Partial<KernelChoice>): KernelChoice => ({
  splits: 4,
  panels: 1,
  prefill: 'tile',
  tile: 'f32',
  few: 0,
  dot: 'f32',
  reduce: 'workgroup',
  ...usualAttention,
  part: 0,
  uniform: 0,
  chunk: usualChunk,
  ...choice,
});
