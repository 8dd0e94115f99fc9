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

/** The shapes for matrices of `kind`. */
export const choiceOf = (choice: KernelChoice, kind: string): KernelChoice => ({ ...choice, ...choice.matrices?.[kind] });
