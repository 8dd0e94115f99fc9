// The kernels that multiply activations with a stored matrix: of one token, of a few, of many.
import { type Format } from '../../formats/format.ts';
import { panelRows } from '../../formats/panel.ts';
import { type Binding, type Dispatch } from '../../gpu/program.ts';
import { type KernelSpec, wgslNumber } from '../../gpu/kernels.ts';
import { type KernelChoice, rowsEach } from '../choices/kernel-choice.ts';
import { partsDown, unitOf } from '../choices/subgroup-matrix.ts';

/** A run of panels of a stored matrix (src/formats/panel.ts), within one binding. */
export interface MatrixPart {
  matrix: {
    format: Pick<Format, 'name' | 'codes' | 'tableShader'>;
    rows: number;
    cols: number;
    /** The stacked tensors: rows of each, and where they begin. */
    parts: { rows: number; targetRow: number }[];
    panels: { blocks: number; panelBytes: number };
  };
  binding: Binding;
  /** The same weights with all else that stays in one buffer with them, if a binding may be so large, and the byte of that at which they begin. */
  whole?: { binding: Binding; first: number };
  /** What the indices of its type choose among, if it has any. */
  points?: Binding;
  panels: number;
  /** First row of the matrix in this part. */
  firstRow: number;
  /** Rows in this part, without padding. */
  rows: number;
}

/** The small tensors of a section, bound where a kernel reads some. */
export const vectorFiles = (reads: unknown): string[] => [`vectors/${reads ? 'some' : 'none'}`];

type DecodeChoice = Pick<KernelChoice, 'splits' | 'panels' | 'dot' | 'registers'>;

/** Threads of a subgroup that share the activations they read in decode; 0: none do. */
export const sharing = (dot: KernelChoice['dot'] = 'f32'): number => ({ shared4: 4, shared8: 8 } as Partial<Record<typeof dot, number>>)[dot] ?? 0;

/** What kernels of one row of activations have in common. */
const ofOne = ['one', 'activate', 'state'];
/** Rows that a workgroup reads of which threads share what they read: of the matrix, or where a gate is fused half of them, and their up rows. */
const sharedRows = wgslNumber('matvec-shared', 'Each') * wgslNumber('matvec-shared', 'Threads');

/** Rows of the matrix that a workgroup of `decodeKernel` takes, of whole panels. */
export const decodeRows = ({ panels, dot }: Pick<DecodeChoice, 'panels' | 'dot'>): number =>
  Math.max(panelRows * Math.max(1, panels), sharing(dot) ? sharedRows : 0);

/** Workgroups of `decodeKernel` for so many panels of results. */
export function decodeWorkgroups({ panels: each, dot }: DecodeChoice, panels: number, { gated, joined }: { gated: boolean; joined: boolean }): number {
  return Math.ceil(sharing(dot) && !joined ? ((gated ? 2 : 1) * panels * panelRows) / sharedRows : panels / each);
}

/**
 * The kernel that multiplies one row of activations with a matrix: the first of a step, or the last. `joined`: what the row is joined from splits of
 * attention with, once for a workgroup, so that it is staged whatever was chosen (decode-attention.ts). `shared`: the files by which it shares a bind
 * group with other products.
 */
export function decodeKernel(
  { splits, panels, dot, registers }: DecodeChoice,
  part: MatrixPart,
  constants: Record<string, number>,
  { joined, last, shared }: { joined?: Record<string, number>; last?: boolean; shared?: readonly string[] } = {},
): KernelSpec {
  const { format } = part.matrix;
  const { codes } = format;
  const bound = [...(shared ?? [...vectorFiles(constants.HasNorm || constants.HasBias), 'among/alone']), last ? 'row/last' : 'row/first'];
  const lanes = sharing(dot);
  if (lanes && !joined) return { kernel: 'matvec-shared', files: [...weightFiles(format), ...bound, ...ofOne], consts: { Lanes: lanes }, constants };
  const inTable = dot === 'table' && format.tableShader !== undefined;
  const staged = ['input/staged', ...(inTable ? [] : ['table/none'])];
  const isStaged = dot === 'staged' || dot === 'table' || joined !== undefined;
  const input = isInBytes({ dot, registers }, format, joined !== undefined) ? ['input/i8', `i8/${codes}`] : isStaged ? staged : ['input/direct'];
  // At most 9 KiB of workgroup memory: beside the sums of the most splits within the 16 KiB that every device has.
  const mostGroups = { 'input/i8': 96, 'input/staged': 64 }[input[0]];
  const inTurns = registers === 64 && mostGroups && constants.Gate;
  return {
    kernel: 'matvec',
    files: [
      ...weightFiles(format, true, inTable), ...bound, joined ? 'from/splits' : 'from/row', ...input, splits === 1 ? 'reduce/one' : 'reduce/splits',
      ...ofOne,
    ],
    consts: {
      Splits: splits, RowsEach: rowsEach({ panels }),
      ...(mostGroups ? { Groups: Math.min(Math.ceil(part.matrix.cols / 32), mostGroups) } : {}), ...joined,
    },
    constants: { ...constants, ...(inTurns ? { InTurns: 1 } : {}), Panels: Math.max(1, panels) },
  };
}

/** Whether activations of one row are rounded to bytes: not where they are joined and registers are few, as doing both at once takes more. */
export const isInBytes = ({ dot, registers }: Pick<KernelChoice, 'dot' | 'registers'>, { codes }: Pick<Format, 'codes'>, isJoined: boolean): boolean =>
  dot === 'i8' && codes !== undefined && !(isJoined && registers === 64);

/** Whether a way of prefill takes tiles of 64 tokens, which a step of fewer leaves empty. */
export const usesTiles = (prefill: KernelChoice['prefill']): boolean => prefill === 'tile' || unitOf(prefill) !== undefined;

/** Rows of the matrix, and tokens, of a tile. */
const tileRows = wgslNumber('rows', 'TileRows');
/** Ways of prefill without barriers: their kernels, with rows of the matrix and tokens of a workgroup, and threads of a subgroup that share what they read. */
const byRows = {
  rows: { kernel: 'matvec-rows', rows: panelRows * wgslNumber('matvec-rows', 'Panels') },
  broadcast: { kernel: 'matvec-broadcast', rows: panelRows * wgslNumber('matvec-broadcast', 'Panels') },
  wide: { kernel: 'matvec-wide', rows: wgslNumber('matvec-wide', 'Each') * wgslNumber('matvec-wide', 'Threads') },
};

function wayOf(prefill: KernelChoice['prefill']): { kernel: string; rows: number; lanes: number } {
  const [, name, lanes] = /^(rows|broadcast|wide)(\d?)$/.exec(prefill) ?? [];
  return { ...byRows[(name ?? 'rows') as keyof typeof byRows], lanes: Number(lanes || 0) };
}

/** Rows of activations that a workgroup takes. */
export const rowsAtOnce = (prefill: KernelChoice['prefill']): number =>
  usesTiles(prefill) ? tileRows : wgslNumber(wayOf(prefill).kernel, 'Tokens');

/** Rows of the matrix that a workgroup takes in prefill. */
export const matrixRowsAtOnce = (prefill: KernelChoice['prefill']): number => (usesTiles(prefill) ? tileRows : wayOf(prefill).rows);

/** Threads of a subgroup that share the activations they read. */
export const lanesOf = (prefill: KernelChoice['prefill']): number => wayOf(prefill).lanes;

/** Whether a way of prefill is one for processors whose loads cost much: what is read serves many rows. */
export const isWide = (prefill: KernelChoice['prefill']): boolean => wayOf(prefill).kernel === byRows.wide.kernel;

/** Bytes of an activation in tiles of integers. */
const activationBytes: Partial<Record<KernelChoice['tile'], number>> = { i16: 2, i8: 1 };

/** The kernel that multiplies many rows of activations with a matrix. */
export function prefillKernel(
  { prefill, tile, registers }: Pick<KernelChoice, 'prefill' | 'tile' | 'registers'>,
  part: MatrixPart,
  constants: Record<string, number>,
): Pick<Dispatch, 'kernel' | 'grid'> {
  const files = [...weightFiles(part.matrix.format), 'rows', 'state'];
  const tiles: Dispatch['grid'] = ({ rows }) => [Math.ceil((part.panels * panelRows) / tileRows), Math.ceil(rows / tileRows)];
  const unit = unitOf(prefill);
  if (unit) {
    const { component, m, n, k, threads } = unit;
    return {
      kernel: {
        kernel: 'matmul-matrix',
        files: [`matrix/${component}`, 'matrix/subgroup', ...files],
        consts: { M: m, N: n, K: k, Threads: threads, Down: partsDown(threads) },
        constants,
      },
      grid: tiles,
    };
  }
  const { codes } = part.matrix.format;
  const bytes = codes && activationBytes[tile];
  if (prefill === 'tile' && bytes)
    return { kernel: { kernel: 'matmul-codes', files: [...files, `factors/${codes}`], consts: { Bytes: bytes }, constants }, grid: tiles };
  if (prefill === 'tile') {
    const lean = leanConstants({ registers });
    return { kernel: { kernel: 'matmul', files: [`tile/${tile === 'f16' ? tile : 'f32'}`, ...files], constants: { ...constants, ...lean } }, grid: tiles };
  }
  const { kernel, lanes, rows: rowsOfGroup } = wayOf(prefill);
  const tokens = rowsAtOnce(prefill);
  return {
    kernel: { kernel, files, ...(lanes ? { consts: { Lanes: lanes } } : {}), constants },
    grid: ({ rows }) => [Math.ceil((part.panels * panelRows) / rowsOfGroup), Math.ceil(rows / tokens)],
  };
}

/** Most rows of activations that `fewKernel` takes: Tokens of its shader. */
export const fewRows = wgslNumber('matvec-few', 'Tokens');

/** The kernel that multiplies a few rows of activations with a matrix: those of a short prompt, of a draft, or of the end of a long prompt. */
export function fewKernel(splits: number, part: MatrixPart, constants: Record<string, number>): Pick<Dispatch, 'kernel' | 'grid'> {
  return {
    kernel: {
      kernel: 'matvec-few',
      files: [...weightFiles(part.matrix.format), splits === 1 ? 'reduce/one' : 'reduce/splits', 'rows', 'state'],
      consts: { Splits: splits },
      constants,
    },
    grid: ({ rows }) => [rows <= fewRows ? part.panels : 0],
  };
}

/** The shader files that read weights of a type: its own, and what all types of its kind share; codes with a minimum are unsigned. */
export const formatFiles = ({ name, codes }: Pick<Format, 'name' | 'codes'>, inTable = false): string[] =>
  [`${inTable ? 'table' : 'formats'}/${name}`, ...(codes ? [codes.includes('minimum') ? 'codes/unsigned' : 'codes/signed', `codes/${codes}`] : [])];

/**
 * Those, behind what all kernels that read weights share. `bound`: with a binding of their own for single words, which most have room for;
 * `inTable`: its `tableShader`.
 */
export const weightFiles = (format: Pick<Format, 'name' | 'codes'>, bound = true, inTable = false): string[] =>
  ['prelude', `words/${bound ? 'bound' : 'of-four'}`, ...formatFiles(format, inTable)];

/** What pipelines that read weights are told of a choice. */
export const weightConstants = ({ halves }: Pick<KernelChoice, 'halves'>): Record<string, number> => (halves === 'unpack' ? { UnpackHalves: 1 } : {});

/** What pipelines are told that have a form for threads with few registers. */
export const leanConstants = ({ registers }: Pick<KernelChoice, 'registers'>): Record<string, number> => (registers === 64 ? { Lean: 1 } : {});

/** Bindings that every kernel reading a matrix shares. */
export const matrixBindings = ({ binding, points }: Pick<MatrixPart, 'binding' | 'points'>): Record<string, Binding> =>
  ({ weights: binding, words: binding, ...(points && { points }) });

/** Parameters that every kernel reading a matrix shares. */
export function matrixParams({ matrix, panels }: MatrixPart) {
  const { blocks, panelBytes } = matrix.panels;
  return { panels, panel_words: panelBytes / 4, blocks, groups: Math.ceil(matrix.cols / 32), rows: 0 };
}
