// Makes one slab: reads its source rows from the GGUF and repacks them into panels.
import { formats } from '../formats/catalogue.ts';
import { type Format } from '../formats/format.ts';
import { panelLayout, panelRows, repackRows, unpackRow } from '../formats/panel.ts';
import { type Header, type TensorInfo } from '../gguf/header.ts';
import { type ByteSource } from '../gguf/source.ts';
import { type Layout, type Matrix, matricesOf, type Slab } from './layout.ts';

/** The bytes of a slab, as stored and as the GPU reads them. */
export async function importSlab(source: ByteSource, header: Header, layout: Layout, slab: Slab, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const section = layout.sections[slab.section];
  const words = new Uint32Array(slab.byteLength / 4);
  const end = slab.offset + slab.byteLength;
  if (slab.offset === 0) {
    for (const { tensor, length, offset } of section.vectors) {
      words.set(new Uint32Array((await readVector(source, header.tensors.get(tensor)!, length, signal)).buffer), offset / 4);
    }
  }
  for (const matrix of matricesOf(section)) {
    const { panelBytes, panels } = matrix.panels;
    const firstPanel = Math.max(0, Math.ceil((slab.offset - matrix.offset) / panelBytes));
    const endPanel = Math.min(panels, Math.floor((end - matrix.offset) / panelBytes));
    if (firstPanel >= endPanel) continue;
    const target = words.subarray((matrix.offset + firstPanel * panelBytes - slab.offset) / 4);
    await importRows(source, header, matrix, firstPanel * panelRows, endPanel * panelRows, target, signal);
  }
  return new Uint8Array(words.buffer);
}

/** Repacks rows `first .. end` of a matrix into `target`, whose first word is the first word of row `first`. */
async function importRows(source: ByteSource, header: Header, matrix: Matrix, first: number, end: number, target: Uint32Array, signal?: AbortSignal): Promise<void> {
  for (const part of matrix.parts) {
    const from = Math.max(first, part.targetRow);
    const to = Math.min(end, part.targetRow + part.rows);
    if (from >= to) continue;
    const tensor = header.tensors.get(part.tensor)!;
    const rowBytes = tensor.byteLength / tensor.shape.slice(1).reduce((a, b) => a * b, 1);
    const sourceRow = part.firstRow + from - part.targetRow;
    const bytes = await source.read(tensor.offset + sourceRow * rowBytes, (to - from) * rowBytes, signal);
    repackRows(matrix.format, matrix.panels, bytes, rowBytes, to - from, target, from - first);
  }
}

/** A one-dimensional tensor as f32. */
export async function readVector(source: ByteSource, tensor: TensorInfo, length = tensor.shape[0], signal?: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
  const format: Format = formats.get(tensor.type)!;
  const bytes = await source.read(tensor.offset, tensor.byteLength, signal);
  const layout = panelLayout(format, 1, length);
  const packed = new Uint32Array(layout.panelBytes / 4);
  repackRows(format, layout, bytes, tensor.byteLength, 1, packed, 0);
  return unpackRow(format, layout, packed, 0, length).slice();
}
