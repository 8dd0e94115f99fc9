// What a slab is made of: pieces of the GGUF, and how each is repacked into panels. Pieces can be placed in any order
// and row by row, so that a file can be imported in the order in which it arrives.
import { formats } from '../../formats/catalogue.ts';
import { placeInColumns, placeRow, placeScales, scaleBytes } from '../../formats/columns.ts';
import { type Format } from '../../formats/format.ts';
import { panelLayout, panelRows, repackRows, unpackRow } from '../../formats/panel.ts';
import { type Header, type TensorInfo } from '../../gguf/header.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type Columns, type Layout, type Matrix, matricesOf, type Pool, type Slab } from '../layout.ts';

/** Consecutive rows in the file that go into one slab. A vector is a single row. */
export interface Piece {
  /** First byte in the file. */
  offset: number;
  rows: number;
  rowBytes: number;
  /** Repacks `rows`, whole rows of the piece from row `first` on, into the words of the slab. */
  place(slab: Uint32Array, rows: Uint8Array, first: number): void;
}

export const pieceEnd = ({ offset, rows, rowBytes }: Piece): number => offset + rows * rowBytes;

/** All pieces of a slab, in the slab's order. */
export function piecesOf(header: Header, layout: Layout, slab: Slab): Piece[] {
  const section = layout.sections[slab.section];
  const pieces: Piece[] = [];
  if (slab.offset === 0) {
    for (const { tensor, length, offset } of section.vectors) {
      const info = header.tensors.get(tensor)!;
      pieces.push({
        offset: info.offset, rows: 1, rowBytes: info.byteLength,
        place: (words, bytes) => words.set(new Uint32Array(toFloats(info, bytes, length).buffer), offset / 4),
      });
    }
  }
  for (const matrix of matricesOf(section)) {
    const { panelBytes, panels } = matrix.panels;
    const firstPanel = Math.max(0, Math.ceil((slab.offset - matrix.offset) / panelBytes));
    const endPanel = Math.min(panels, Math.floor((slab.offset + slab.byteLength - matrix.offset) / panelBytes));
    if (firstPanel >= endPanel) continue;
    const start = (matrix.offset + firstPanel * panelBytes - slab.offset) / 4;
    pieces.push(...piecesOfRows(header, matrix, firstPanel * panelRows, endPanel * panelRows, start));
  }
  if (section.pool?.columns) pieces.push(...piecesOfColumns(header, section.pool, section.pool.columns, slab));
  return pieces;
}

/** Rows of a tensor of a GGUF, from row `first` on; `place` has each and its number. */
function piece(
  { offset, byteLength }: TensorInfo, { first, rows, of }: { first: number; rows: number; of: number },
  place: (words: Uint32Array, source: DataView, row: number) => void,
): Piece {
  const rowBytes = byteLength / of;
  return {
    offset: offset + first * rowBytes, rows, rowBytes,
    place(words, bytes, from) {
      const view = (row: number) => new DataView(bytes.buffer, bytes.byteOffset + row * rowBytes, rowBytes);
      for (let row = 0; row * rowBytes < bytes.length; row++) place(words, view(row), from + row);
    },
  };
}

/** What of neurons lies in a slab: of the rows of each matrix whose columns they are the scales and these numbers, and rows of `up`. */
function piecesOfColumns(header: Header, { offset, itemBytes, items }: Pool, columns: Columns, slab: Slab): Piece[] {
  const { tensor, form, rows, matrices, first: inItem, scales, up } = columns;
  const info = header.tensors.get(tensor)!;
  const cols = items.length / matrices;
  const first = Math.max(0, Math.ceil((slab.offset - offset) / itemBytes));
  const end = Math.min(items.length, Math.floor((slab.offset + slab.byteLength - offset) / itemBytes));
  /** Bytes of the slab from an item on. */
  const from = (words: Uint32Array, item: number, byte: number) =>
    new Uint8Array(words.buffer, words.byteOffset + offset + item * itemBytes - slab.offset + byte);
  const of = { rows, of: rows * matrices };
  const shared = (matrix: number): Piece => piece(info, { ...of, first: matrix * rows }, (words, source, row) =>
    placeScales(form, source, row, rows, cols, new DataView(words.buffer, words.byteOffset + scales! + matrix * scaleBytes(form, rows, cols))));
  const codes = (matrix: number): Piece[] => {
    const own = { first: Math.max(0, first - matrix * cols), end: Math.min(cols, end - matrix * cols) };
    return own.first >= own.end ? [] : [piece(info, { ...of, first: matrix * rows }, (words, source, row) =>
      placeInColumns(form, source, row, own, from(words, matrix * cols + own.first, inItem), itemBytes))];
  };
  const hasScales = scales !== undefined && slab.offset === 0;
  const all = Array.from({ length: matrices }, (_, matrix) => [...(hasScales ? [shared(matrix)] : []), ...codes(matrix)]).flat();
  return up && first < end ? [...all, rowsOfNeurons(header, up, { first, end, of: items.length }, from)] : all;
}

/** The row of each neuron `first .. end`, with its scales. */
function rowsOfNeurons(
  header: Header, { tensor, form, cols, scales }: NonNullable<Columns['up']>, { first, end, of }: { first: number; end: number; of: number },
  from: (words: Uint32Array, item: number, byte: number) => Uint8Array,
): Piece {
  return piece(header.tensors.get(tensor)!, { first, rows: end - first, of }, (words, source, row) => {
    placeRow(form, source, cols, from(words, first + row, 0));
    if (scales === undefined) return;
    const target = from(words, first + row, scales);
    placeScales(form, source, 0, 1, cols, new DataView(target.buffer, target.byteOffset));
  });
}

/** Rows `first .. end` of a matrix; the first word of row `first` is word `start` of the slab. */
function piecesOfRows(header: Header, matrix: Matrix, first: number, end: number, start: number): Piece[] {
  return matrix.parts.flatMap((part) => {
    const from = Math.max(first, part.targetRow);
    const to = Math.min(end, part.targetRow + part.rows);
    if (from >= to) return [];
    const tensor = header.tensors.get(part.tensor)!;
    const rowBytes = tensor.byteLength / tensor.shape.slice(1).reduce((a, b) => a * b, 1);
    return {
      offset: tensor.offset + (part.firstRow + from - part.targetRow) * rowBytes,
      rows: to - from,
      rowBytes,
      place: (words, bytes, row) =>
        repackRows(matrix.format, matrix.panels, bytes, rowBytes, bytes.length / rowBytes, words.subarray(start), from - first + row),
    } satisfies Piece;
  });
}

/** Neighbours closer than this are read by one request: a gap is received faster than another answer. */
const gapBytes = 64 * 1024;

export interface Range {
  offset: number;
  length: number;
}

/** The ranges that hold `pieces` (in the file's order), neighbours joined. */
export function joinRanges(pieces: readonly { offset: number; end: number }[], gap = gapBytes): Range[] {
  const ranges: Range[] = [];
  for (const { offset, end } of pieces) {
    const last = ranges.at(-1);
    if (last && offset <= last.offset + last.length + gap) last.length = Math.max(last.length, end - last.offset);
    else ranges.push({ offset, length: end - offset });
  }
  return ranges;
}

/** The bytes of one slab, as stored and as the GPU reads them. */
export async function importSlab(source: ByteSource, header: Header, layout: Layout, slab: Slab, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const words = new Uint32Array(slab.byteLength / 4);
  const pieces = piecesOf(header, layout, slab).sort((a, b) => a.offset - b.offset);
  for (const { offset, length } of joinRanges(pieces.map((piece) => ({ offset: piece.offset, end: pieceEnd(piece) })))) {
    const bytes = await source.read(offset, length, signal);
    for (const piece of pieces) {
      if (piece.offset >= offset && piece.offset < offset + length) piece.place(words, bytes.subarray(piece.offset - offset, pieceEnd(piece) - offset), 0);
    }
  }
  return new Uint8Array(words.buffer);
}

/** A small tensor as f32, its rows one after the other. */
export async function readVector(source: ByteSource, tensor: TensorInfo, signal?: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
  return toFloats(tensor, await source.read(tensor.offset, tensor.byteLength, signal));
}

export function toFloats(tensor: TensorInfo, bytes: Uint8Array, length = tensor.shape.reduce((product, size) => product * size, 1)): Float32Array<ArrayBuffer> {
  const format: Format = formats.get(tensor.type)!;
  const layout = panelLayout(format, 1, length);
  const packed = new Uint32Array(layout.panelBytes / 4);
  repackRows(format, layout, bytes, tensor.byteLength, 1, packed, 0);
  return unpackRow(format, layout, packed, 0, length).slice();
}
