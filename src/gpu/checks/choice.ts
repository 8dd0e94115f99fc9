// The choice of kernels that checks begin from.
import { type Proves } from './check.ts';
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

/** For the names and the choices of checks whose kernels have a form for so many registers. */
export const inRegisters = (registers?: KernelChoice['registers']): string => (registers ? ` in ${registers} registers` : '');
export const provesRegisters = (registers?: KernelChoice['registers']): Proves => (registers ? { registers } : {});

/** The same of weights that are unpacked as f16, in names of checks that do not say it otherwise. */
export const unpackedIn = ({ halves }: Pick<KernelChoice, 'halves'>, isUnpacked: boolean): string => (halves === 'unpack' && isUnpacked ? ', unpacked' : '');
