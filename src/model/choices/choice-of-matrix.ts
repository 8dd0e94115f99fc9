// Which shapes the kernels of one matrix get: those chosen for its kind on this adapter, else the model's. Chooses none.
import { type Project } from '../ops/project.ts';
import { type MatrixPart } from '../blocks/products.ts';
import { type KernelChoice } from './kernel-choice.ts';

/** Names matrices whose products are equal work for a kernel, as in `Q4_1 3072x576 norm silu hidden`. */
export function matrixKind(
  { output, norm, bias, gate, add, softcap }: Project,
  { format, rows, cols }: Pick<MatrixPart['matrix'], 'format' | 'rows' | 'cols'>,
): string {
  return [format.name, `${rows}x${cols}`, norm && 'norm', bias && 'bias', gate, add && 'add', softcap && 'softcap', output].filter(Boolean).join(' ');
}

/** The shapes for matrices of `kind`. What chooses experts is not rounded to bytes: another choice is not a small error. */
export function choiceOf(choice: KernelChoice, kind: string): KernelChoice {
  const own = { ...choice, ...choice.matrices?.[kind] };
  if (!kind.endsWith(' router')) return own;
  return { ...own, dot: own.dot === 'i8' ? 'f32' : own.dot, tile: own.tile === 'f16' ? 'f16' : 'f32' };
}
