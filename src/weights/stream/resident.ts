// Weights on the GPU: buffers for the slices that stay, slots for those that pass through, grids of their types, and the
// bindings by which kernels see a matrix. Knows nothing of what the matrices mean, nor of when a slot holds what.
import { BudgetError } from '../../errors.ts';
import { panelRows } from '../../formats/panel.ts';
import { noSlot } from '../../formats/slots.ts';
import { type Columns, type Layout, type Matrix, type Pool, gridsIn, itemsAsPanels, itemsEach } from '../layout.ts';
import { type SlotGroup } from './items/slot-groups.ts';
import { type Slice, type Span, cutMatrix, spansOf } from './slices.ts';

export interface GpuRange {
  buffer: GPUBuffer;
  offset: number;
  size: number;
  /** The streamed slice whose bytes have to be in its slot when this is read. */
  slice?: number;
  /** The section whose items have to be in their slots, where they are fetched on demand. */
  onDemand?: number;
}

/** A run of panels of a matrix within one binding. */
export interface MatrixPart {
  matrix: Matrix;
  binding: GpuRange;
  /** All that lies in its buffer, where it stays there and a binding may be so large, and the byte of that at which it begins. */
  whole?: { binding: GpuRange; first: number };
  /** The grid of its format, if it has one. */
  points?: GpuRange;
  panels: number;
  /** First row of the matrix in this part. */
  firstRow: number;
  /** Rows in this part, without padding. */
  rows: number;
}

/** Items of a pool within one binding, in slots of equal size. */
export interface PoolPart {
  binding: GpuRange;
  /** u32 (items): the slot of each, or `noSlot` of an item that is in another part. */
  table: GpuRange;
  slotBytes: number;
  /** Of each stack of an item its matrices, with the first byte of each in a slot, and the grid of its type. */
  stacks: (Matrix & { points?: GpuRange })[][];
  columns?: Columns;
}

interface Chunk extends Span {
  buffer: GPUBuffer;
}

export interface ResidentWeights {
  /** Vectors of a section as one binding. */
  vectors(section: number): GpuRange;
  /** The matrices of a stack, in order, cut where slices end and where a binding would be too large. */
  stack(section: number, stack: number): MatrixPart[];
  /** The items of a section's pool, cut where slices end and where a binding would be too large. */
  pool(section: number): PoolPart[];
  /** Where `length` bytes of a slice go that begin at byte `start` of its section; `from` counts from there. */
  targets(slice: number, start: number, length: number): { buffer: GPUBuffer; offset: number; from: number; length: number }[];
  /** Of each group of slots its buffer. */
  slots: GPUBuffer[];
}

export interface ResidentOptions {
  maxBufferBytes: number;
  maxBindingBytes: number;
  allocate(label: string, size: number): GPUBuffer;
  queue: GPUQueue;
  /** For items that are fetched on demand, whose sections' slices end before them. Default none. */
  groups?: readonly SlotGroup[];
}

/** Of the table of one part of a pool. */
export const tableBytes = ({ items }: Pick<Pool, 'items'>): number => Math.ceil((4 * items.length) / 16) * 16;

export function placeWeights(layout: Layout, slices: readonly Slice[], options: ResidentOptions): ResidentWeights {
  const { maxBufferBytes, maxBindingBytes, allocate, queue, groups = [] } = options;
  const spans = slices.map((slice) => spansOf(layout.sections[slice.section], slice, maxBufferBytes));
  const itemSlots = groups.map(({ slots: count, slotBytes }, i) => allocate(`weights.items.${i}`, count * slotBytes));
  const slots: GPUBuffer[][] = [];
  slices.forEach(({ slot }) => {
    if (slot === undefined || slots[slot]) return;
    // The n-th buffer of a slot is as large as the largest n-th span that passes through it.
    const users = spans.filter((_, j) => slices[j].slot === slot);
    const largest = (n: number) => Math.max(...users.map((u) => (u[n] ? u[n].end - u[n].start : 0)));
    slots[slot] = Array.from({ length: Math.max(...users.map((u) => u.length)) }, (_, n) => allocate(`weights.slot.${slot}`, largest(n)));
  });
  const chunks = slices.map(({ section, slot }, i): Chunk[] =>
    spans[i].map((span, n) => ({
      ...span,
      buffer: slot === undefined ? allocate(`weights.${layout.sections[section].name}`, span.end - span.start) : slots[slot][n],
    })),
  );
  /** A buffer of its own that holds these words. */
  const filled = (label: string, words: Uint32Array<ArrayBuffer>): GpuRange => {
    const buffer = allocate(label, words.byteLength);
    queue.writeBuffer(buffer, 0, words);
    return { buffer, offset: 0, size: words.byteLength };
  };
  const grids = new Map(gridsIn(layout).map(({ name, words }) => [name, filled(`weights.points.${name}`, words)]));
  const slicesOf = (section: number) => slices.flatMap((slice, i) => (slice.section === section ? [i] : []));

  const range = (slice: number, start: number, size: number): GpuRange => {
    const chunk = chunks[slice].find((c) => start >= c.start && start + size <= c.end);
    if (!chunk) throw new Error(`Bytes ${start} to ${start + size} of ${layout.sections[slices[slice].section].name} do not lie in one buffer.`);
    return { buffer: chunk.buffer, offset: start - chunk.start, size, slice: slices[slice].slot === undefined ? undefined : slice };
  };
  const wholeOf = (slice: number, at: number, { buffer, offset }: GpuRange): MatrixPart['whole'] => {
    const { start, end } = chunks[slice].find((chunk) => at >= chunk.start && at < chunk.end)!;
    const fits = slices[slice].slot === undefined && end - start <= maxBindingBytes;
    return fits ? { binding: { buffer, offset: 0, size: end - start }, first: offset } : undefined;
  };

  const pools = layout.sections.map(({ pool }, section) => {
    if (!pool) return [];
    const group = groups.findIndex(({ sections }) => sections.includes(section));
    const runs = group < 0 ? itemRuns(pool, slicesOf(section).map((slice) => ({ slice, spans: spans[slice] })), maxBindingBytes, range) : [
      { binding: { buffer: itemSlots[group], offset: 0, size: groups[group].slots * pool.itemBytes, onDemand: section }, first: 0, count: 0 },
    ];
    return poolParts(pool, runs, grids, filled);
  });

  return {
    vectors(section) {
      const slice = slicesOf(section).find((i) => slices[i].start === 0)!;
      return range(slice, 0, Math.max(layout.sections[section].vectorBytes, 16));
    },
    stack: (section, stack) =>
      layout.sections[section].stacks[stack].flatMap((matrix) => {
        const { panelBytes } = matrix.panels;
        if (panelBytes > maxBindingBytes)
          throw new BudgetError(`32 rows of ${matrix.parts[0].tensor} need ${panelBytes} bytes; this device allows bindings of ${maxBindingBytes}.`, {
            code: 'adapter_limit',
          });
        return slicesOf(section).flatMap((slice) =>
          cutMatrix(matrix, spans[slice], maxBindingBytes).map(({ start, firstRow, panels }): MatrixPart => {
            const binding = range(slice, start, panels * panelBytes);
            const rows = Math.min(panels * panelRows, matrix.rows - firstRow);
            return { matrix, panels, firstRow, rows, binding, whole: wholeOf(slice, start, binding), points: grids.get(matrix.format.name) };
          }),
        );
      }),
    pool: (section) => pools[section],
    slots: itemSlots,
    targets: (slice, start, length) =>
      chunks[slice].flatMap((chunk) => {
        const first = Math.max(start, chunk.start);
        const end = Math.min(start + length, chunk.end);
        return first < end ? [{ buffer: chunk.buffer, offset: first - chunk.start, from: first - start, length: end - first }] : [];
      }),
  };
}

/** Items that lie in one binding, in slots in their order from `first` on. */
interface ItemRun {
  binding: GpuRange;
  first: number;
  count: number;
}

/** Runs of items, cut where slices end and where a binding would be too large. */
function itemRuns(
  pool: Pool,
  slices: readonly { slice: number; spans: readonly Span[] }[],
  maxBindingBytes: number,
  range: (slice: number, start: number, size: number) => GpuRange,
): ItemRun[] {
  const each = itemsEach(pool);
  return slices.flatMap(({ slice, spans }) =>
    cutMatrix(itemsAsPanels(pool), spans, maxBindingBytes).map(({ start, firstRow, panels }) => ({
      binding: range(slice, start, panels * each * pool.itemBytes), first: (firstRow / panelRows) * each, count: panels * each,
    })),
  );
}

function poolParts(
  pool: Pool,
  runs: readonly ItemRun[],
  grids: ReadonlyMap<string, GpuRange>,
  filled: (label: string, words: Uint32Array<ArrayBuffer>) => GpuRange,
): PoolPart[] {
  const placed = (matrix: Matrix) => ({ ...matrix, offset: matrix.offset - pool.offset, points: grids.get(matrix.format.name) });
  const stacks = pool.items[0].map((matrices) => matrices.map(placed));
  return runs.map(({ binding, first, count }) => {
    const slots = Uint32Array.from(pool.items, (_, item) => (item >= first && item < first + count ? item - first : noSlot));
    return { binding, table: filled('weights.table', slots), slotBytes: pool.itemBytes, stacks, ...(pool.columns && { columns: pool.columns }) };
  });
}
