// Which shapes the kernels of one matrix get: those chosen for its kind on this adapter, else the model's. Chooses none.
import { type Project } from '../ops/project.ts';
import { type MatrixPart } from '../blocks/products.ts';
import { panelRows } from '../../formats/panel.ts';
import { type KernelChoice, type MatrixChoice } from './kernel-choice.ts';

/** Names matrices whose products are equal work for a kernel, as in `Q4_1 3072x576 norm silu hidden`. */
export function matrixKind(
  { output, norm, bias, gate, add, softcap }: Project,
  { format, rows, cols }: Pick<MatrixPart['matrix'], 'format' | 'rows' | 'cols'>,
): string {
  return [format.name, `${rows}x${cols}`, norm && 'norm', bias && 'bias', gate, add && 'add', softcap && 'softcap', output].filter(Boolean).join(' ');
}

/** Most workgroups of a dispatch in one direction that every device takes. */
const mostWorkgroups = 65535;

/** Whether a part of a panel to a workgroup is a dispatch that devices take, for a matrix of so many rows: of huge vocabularies eighths are too many. */
export const fitsGrid = ({ panels = 1 }: Pick<MatrixChoice, 'panels'>, rows: number): boolean => Math.ceil(rows / (panelRows * panels)) <= mostWorkgroups;

/** `choice`, with as large parts of panels as `rows` need. */
export function withinGrid(choice: KernelChoice, rows: number): KernelChoice {
  if (fitsGrid(choice, rows)) return choice;
  return withinGrid({ ...choice, panels: 2 * choice.panels, splits: Math.max(1, choice.splits / 2) }, rows);
}

/** Of a kind as `matrixKind` names it. */
export const rowsOfKind = (kind: string): number => Number(/ (\d+)x\d+(?: |$)/.exec(kind)?.[1] ?? 0);

/** The shapes for matrices of `kind`. What chooses experts is not rounded to bytes: another choice is not a small error. */
export function choiceOf(choice: KernelChoice, kind: string): KernelChoice {
  const own = withinGrid({ ...choice, ...choice.matrices?.[kind] }, rowsOfKind(kind));
  if (!kind.endsWith(' router')) return own;
  return { ...own, dot: own.dot === 'i8' ? 'f32' : own.dot, tile: own.tile === 'f16' ? 'f16' : 'f32' };
}
