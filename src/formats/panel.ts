// Where the words of a matrix lie, in storage and on the GPU. A matrix is cut into panels of 32 rows; inside a panel
// each plane is interleaved by row, so that 32 threads with one row each read neighbouring words. A panel is
// self-contained: a matrix can be cut at any panel for bindings, slabs and row slices.
import { type Format, wordsPerBlock } from './format.ts';

/** Rows per panel: `PanelRows` in the shaders. */
export const panelRows = 32;

export interface PanelLayout {
  /** Blocks per row, the last one padded with zero weights. */
  readonly blocks: number;
  readonly panels: number;
  /** Bytes per panel, a multiple of 256 (the alignment of a storage binding). */
  readonly panelBytes: number;
  /** First word of each plane inside a panel. */
  readonly planeOffsets: readonly number[];
}

export function panelLayout(format: Format, rows: number, cols: number): PanelLayout {
  const blocks = Math.ceil(cols / format.blockSize);
  const planeOffsets: number[] = [];
  let words = 0;
  for (const count of format.planeWords) {
    planeOffsets.push(words);
    words += count * blocks * panelRows;
  }
  return { blocks, panels: Math.ceil(rows / panelRows), panelBytes: Math.ceil((words * 4) / 256) * 256, planeOffsets };
}

/** Word index, inside its panel, of word `i` of plane `plane` of block `block` of the row `lane` (0 to 31). */
export function wordIndex(format: Format, layout: PanelLayout, plane: number, block: number, i: number, lane: number): number {
  const count = format.planeWords[plane];
  const start = layout.planeOffsets[plane];
  return count % 4 === 0
    ? start + ((block * (count / 4) + (i >> 2)) * panelRows + lane) * 4 + (i & 3)
    : start + (block * count + i) * panelRows + lane;
}

/**
 * Repacks `rows` rows of a GGUF tensor (`source`, rows one after the other, `rowBytes` each) into `target`, the words of
 * a matrix of `layout`, beginning at its row `firstRow`.
 */
export function repackRows(
  format: Format,
  layout: PanelLayout,
  source: Uint8Array,
  rowBytes: number,
  rows: number,
  target: Uint32Array,
  firstRow: number,
): void {
  const { blocks, panelBytes } = layout;
  const words = new Uint32Array(wordsPerBlock(format));
  const stride: number[] = []; // per word: where it goes for block 0 and lane 0,
  const step: number[] = []; // and how far the next block is,
  const lane: number[] = []; // and the next row.
  format.planeWords.forEach((count, plane) => {
    for (let i = 0; i < count; i++) {
      const first = wordIndex(format, layout, plane, 0, i, 0);
      stride.push(first);
      step.push(wordIndex(format, layout, plane, 1, i, 0) - first);
      lane.push(wordIndex(format, layout, plane, 0, i, 1) - first);
    }
  });
  const whole = Math.floor(rowBytes / format.blockBytes);
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const tail = new Uint8Array(format.blockBytes); // the last, partial block of a row of a float type
  const tailView = new DataView(tail.buffer);
  for (let r = 0; r < rows; r++) {
    const row = firstRow + r;
    const panel = (Math.floor(row / panelRows) * panelBytes) / 4;
    const inPanel = row % panelRows;
    for (let block = 0; block < blocks; block++) {
      const offset = r * rowBytes + block * format.blockBytes;
      if (block < whole) format.repack(view, offset, words);
      else {
        tail.fill(0);
        tail.set(source.subarray(offset, (r + 1) * rowBytes));
        format.repack(tailView, 0, words);
      }
      for (let w = 0; w < words.length; w++) target[panel + stride[w] + block * step[w] + inPanel * lane[w]] = words[w];
    }
  }
}

/** The weights of one row of a packed matrix, `cols` of them: the inverse of `repackRows`, used by tests and the reference. */
export function unpackRow(format: Format, layout: PanelLayout, packed: Uint32Array, row: number, cols: number): Float32Array {
  const { blocks, panelBytes } = layout;
  const weights = new Float32Array(blocks * format.blockSize);
  const words = new Uint32Array(wordsPerBlock(format));
  const panel = (Math.floor(row / panelRows) * panelBytes) / 4;
  for (let block = 0; block < blocks; block++) {
    let w = 0;
    format.planeWords.forEach((count, plane) => {
      for (let i = 0; i < count; i++) words[w++] = packed[panel + wordIndex(format, layout, plane, block, i, row % panelRows)];
    });
    format.unpack(words, weights.subarray(block * format.blockSize, (block + 1) * format.blockSize));
  }
  return weights.subarray(0, cols);
}
