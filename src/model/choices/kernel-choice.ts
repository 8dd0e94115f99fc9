// The choices that there are of kernels and their shapes. Which of them a device can run, possible-choices.ts knows; which are
// fast, measurements tell (engine/tune.ts).
import { panelRows } from '../../formats/panel.ts';
import { type MatrixPrefill } from './subgroup-matrix.ts';

export type Mode = 'decode' | 'prefill';

/** Which kernels and shapes to use; chosen per adapter by measurement, all giving the same numbers up to rounding. */
export interface KernelChoice {
  /** Threads that share a matrix row in decode. */
  splits: number;
  /** Panels per workgroup in decode, at most 4; a half or a quarter of one gives a small matrix enough workgroups for a large GPU. */
  panels: number;
  /**
   * Prefill by tiles of 64 x 64 in workgroup memory, also as subgroup matrices, or by rows without barriers: alone, or 4 or 8 threads of a
   * subgroup sharing what they read, few rows to a thread (broadcast) or many (wide).
   */
  prefill: 'tile' | MatrixPrefill | 'rows' | 'broadcast4' | 'broadcast8' | 'wide4' | 'wide8';
  /**
   * What tiles hold: f32, f16, or the codes of weights with activations rounded to two signed bytes each (i16), or to one (i8), for products in
   * integers; of types without integer codes f32.
   */
  tile: 'f32' | 'f16' | 'i16' | 'i8';
  /** Prefill of up to `fewRows` tokens by a kernel of its own with so many threads to a matrix row; 0: as that of more. */
  few: number;
  /**
   * Decode with activations as each thread reads them, staged in workgroup memory for all of its threads, or staged there as two signed
   * bytes each for products in integers (types without integer codes: as each thread reads them); or staged beside a table of what the codes
   * stand for (types that have none: without it); or 4 or 8 threads of a subgroup share what they read, in workgroups of a subgroup with many rows
   * to a thread, whatever `splits` and `panels` are.
   */
  dot: 'f32' | 'staged' | 'i8' | 'table' | 'shared4' | 'shared8';
  reduce: 'workgroup' | 'subgroup';
  /** Positions that a workgroup of attention takes in decode, where its memory holds so many (`attentionOf`), and its threads. */
  span: number;
  threads: number;
  /**
   * Dimensions of a head that a thread of attention has in prefill, where there are more than so many; 0: all. GPUs have no registers for all
   * of a large head; in software the barriers of parts cost more than they save.
   */
  part: 0 | 16 | 32 | 64;
  /**
   * Threads of the largest subgroup, where the first of it says which part all have, so that a compiler may read once for all of them; 0: each
   * thread reckons by itself.
   */
  uniform: 0 | 4 | 8 | 16 | 32 | 64;
  /** Threads of a subgroup that read keys and values together in prefill's attention; without it as many as `prefill` has read together. */
  lanes?: 0 | 4 | 8;
  /** Decode's attention turns queries by itself and appends keys and values, two dispatches of a layer less where one split has all positions. */
  turned?: 0 | 1;
  /** The output projection of decode joins the splits of attention where it stages its activations, while they are few: a dispatch of a layer less. */
  joined?: 0 | 1;
  /** How f16 weights and scales become f32: in integers, or by unpack2x16float, where that keeps subnormals. */
  halves?: 'integers' | 'unpack';
  /**
   * Registers of a thread that kernels with many values at a time make do with: 64, where more are spilled to memory (Intel, Mali, and whoever does
   * not tell), or 128; 0: as many as they like, as software has memory for registers anyway, and pays for reading twice.
   */
  registers?: 0 | 64 | 128;
  /** Most tokens of a step of prefill. Where weights are streamed, steps are as long as there is room for. */
  chunk: number;
  /** Other choices for some kinds of matrices (matrix-choices.ts). */
  matrices?: Record<string, MatrixChoice>;
}

/**
 * `choice` where weights are streamed. There splits of attention are joined by themselves: a cut between attention and the projection that joins
 * them would keep all of them, for each step of a stretch.
 */
export const streamedChoice = (choice: KernelChoice): KernelChoice => (choice.joined ? { ...choice, joined: 0 } : choice);

/**
 * `choice` where guesses of next tokens are checked, in steps of a few rows: by a kernel of their own wherever that of many rows rounds to fewer bits
 * than f32, so that a row is rounded no more than decode rounds it: where that takes activations in bytes (`i8`), less. It has as many threads to a
 * matrix row as the untuned choice (`untunedFew`), at least one: which of them is the fastest is not noted where none of them was faster than many rows.
 */
export function checkedChoice({ matrices, ...choice }: KernelChoice, untunedFew: number): KernelChoice {
  const few = Math.max(1, untunedFew);
  const exactly = (each: MatrixChoice & Pick<KernelChoice, 'prefill' | 'tile' | 'few'>) => (each.few === 0 && roundsMany(each) ? { few } : {});
  const others = Object.entries(matrices ?? {}).map(([kind, own]) => [kind, { ...own, ...exactly({ ...choice, ...own }) }] as const);
  return { ...choice, ...exactly(choice), ...(matrices && { matrices: Object.fromEntries(others) }) };
}

/** Whether steps of a few rows round no product to fewer bits than f32. */
export const checksExactly = ({ matrices = {}, ...choice }: KernelChoice): boolean =>
  [choice, ...Object.values(matrices).map((own) => ({ ...choice, ...own }))].every((each) => each.few > 0 || !roundsMany(each));

/** Whether products of many rows hold anything in fewer bits than f32. */
export const roundsMany = ({ prefill, tile }: Pick<KernelChoice, 'prefill' | 'tile'>): boolean =>
  prefill === 'tile' ? tile !== 'f32' : prefill.startsWith('matrix-f16');

/** What may differ between the matrices of a model. */
export type MatrixChoice = Partial<Pick<KernelChoice, 'splits' | 'panels' | 'dot' | 'prefill' | 'tile' | 'few'>>;

/** Rows of a panel that a workgroup of decode takes: all, or those of its part of one. */
export const rowsEach = ({ panels }: Pick<KernelChoice, 'panels'>): number => panelRows * Math.min(1, panels);

export type AttentionChoice = Pick<KernelChoice, 'span' | 'threads'>;

/** The shapes of attention where nothing was measured: a GPU has room for many threads, which wait for their reads together. */
export const usualAttention: AttentionChoice = { span: 128, threads: 128 };
/** Those with the least in them that could fail. */
export const plainAttention: AttentionChoice = { span: 128, threads: 32 };
/** Whether the registers of a GPU hold what a thread has of several heads: up to 8 dimensions of each. */
export const fitsRegisters = ({ threads }: Pick<AttentionChoice, 'threads'>, headDim: number): boolean => headDim <= 8 * threads;
/** All that there are to choose from. */
export const attentions: AttentionChoice[] = [
  usualAttention,
  { span: 256, threads: 128 },
  { span: 512, threads: 128 },
  plainAttention,
  { span: 64, threads: 32 },
  { span: 256, threads: 32 },
  { span: 512, threads: 32 },
];
/** Most tokens of a step that there are to choose from, and where nothing was measured: tiles of 64 x 64 then keep a GPU busy. */
export const chunks = [64, 128, 256, 512];
export const usualChunk = 256;

/** What every device can run, with the least in it that could fail. */
export const plainChoice: KernelChoice = {
  splits: 1, panels: 1, prefill: 'rows', tile: 'f32', few: 0, dot: 'f32', reduce: 'workgroup', ...plainAttention, part: 0, uniform: 0, chunk: usualChunk,
};
