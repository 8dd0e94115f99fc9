// Weights on the GPU: a buffer per section (more where a section is larger than a buffer may be), and the bindings by
// which kernels see a matrix. Knows nothing of what the matrices mean.
import { BudgetError } from '../errors.ts';
import { panelRows } from '../formats/panel.ts';
import { type Layout, type Matrix, type Section, type Slab, matricesOf } from './layout.ts';

export interface GpuRange {
  buffer: GPUBuffer;
  offset: number;
  size: number;
}

/** A run of panels of a matrix within one binding. */
export interface MatrixPart {
  matrix: Matrix;
  binding: GpuRange;
  panels: number;
  /** First row of the matrix in this part. */
  firstRow: number;
  /** Rows in this part, without padding. */
  rows: number;
}

interface Chunk {
  start: number;
  end: number;
  buffer: GPUBuffer;
}

export interface ResidentWeights {
  /** Vectors of a section as one binding. */
  vectors(section: number): GpuRange;
  /** The matrices of a stack, in order, cut where a binding would be too large. */
  stack(section: number, stack: number): MatrixPart[];
  /** Puts a slab's bytes in place by `queue.writeBuffer`. */
  upload(slab: Slab, bytes: Uint8Array<ArrayBuffer>): void;
}

export interface ResidentOptions {
  maxBufferBytes: number;
  maxBindingBytes: number;
  allocate(label: string, size: number): GPUBuffer;
}

export function placeWeights(device: GPUDevice, layout: Layout, options: ResidentOptions): ResidentWeights {
  const chunks = layout.sections.map((section) => allocateSection(section, options));

  const range = (section: number, start: number, size: number): GpuRange => {
    const chunk = chunks[section].find((c) => start >= c.start && start + size <= c.end);
    if (!chunk) throw new Error(`Bytes ${start} to ${start + size} of ${layout.sections[section].name} do not lie in one buffer.`);
    return { buffer: chunk.buffer, offset: start - chunk.start, size };
  };

  return {
    vectors: (section) => range(section, 0, Math.max(layout.sections[section].vectorBytes, 16)),
    stack: (section, stack) =>
      layout.sections[section].stacks[stack].flatMap((matrix) =>
        cutMatrix(matrix, chunks[section], options.maxBindingBytes).map(({ first, panels }) => {
          const { panelBytes } = matrix.panels;
          return {
            matrix, panels, firstRow: first * panelRows,
            rows: Math.min(panels * panelRows, matrix.rows - first * panelRows),
            binding: range(section, matrix.offset + first * panelBytes, panels * panelBytes),
          };
        }),
      ),
    upload(slab, bytes) {
      for (const chunk of chunks[slab.section]) {
        const start = Math.max(slab.offset, chunk.start);
        const end = Math.min(slab.offset + slab.byteLength, chunk.end);
        if (start < end) device.queue.writeBuffer(chunk.buffer, start - chunk.start, bytes, start - slab.offset, end - start);
      }
    },
  };
}

/** Cuts a section into buffers at panel boundaries. */
function allocateSection(section: Section, { maxBufferBytes, allocate }: ResidentOptions): Chunk[] {
  const cuts = [0];
  let end = section.vectorBytes;
  for (const { offset, panels } of matricesOf(section)) {
    if (panels.panelBytes > maxBufferBytes) throw new BudgetError(`32 rows of ${section.name} need ${panels.panelBytes} bytes; this device allows buffers of ${maxBufferBytes}.`);
    for (let p = 1; p <= panels.panels; p++) {
      const next = offset + p * panels.panelBytes;
      if (next - cuts[cuts.length - 1] > maxBufferBytes) cuts.push(end);
      end = next;
    }
  }
  cuts.push(Math.max(end, 16));
  return cuts.slice(1).map((cut, i) => ({ start: cuts[i], end: cut, buffer: allocate(`weights.${section.name}`, cut - cuts[i]) }));
}

/** Runs of panels that lie in one buffer and fit a binding. */
function cutMatrix(matrix: Matrix, chunks: Chunk[], maxBindingBytes: number): { first: number; panels: number }[] {
  const { panelBytes, panels } = matrix.panels;
  const most = Math.floor(maxBindingBytes / panelBytes);
  if (most === 0) throw new BudgetError(`32 rows of ${matrix.parts[0].tensor} need ${panelBytes} bytes; this device allows bindings of ${maxBindingBytes}.`);
  const runs: { first: number; panels: number }[] = [];
  for (let first = 0; first < panels; ) {
    const start = matrix.offset + first * panelBytes;
    const chunk = chunks.find((c) => start >= c.start && start < c.end)!;
    const count = Math.min(most, panels - first, Math.floor((chunk.end - start) / panelBytes));
    runs.push({ first, panels: count });
    first += count;
  }
  return runs;
}
