// Rows of a matrix read by the CPU: the input embedding where it is not on the GPU. Only the panels of the rows asked for
// are read; the last ones are remembered, since tokens repeat.
import { panelRows, unpackRow } from '../../formats/panel.ts';
import { type Layout, type Matrix } from '../layout.ts';
import { type SlabMemory } from './slab-memory.ts';

export interface Rows {
  /** Rows `ids` times `scale`, in f32 as the GPU multiplies, each padded with zeros to `stride` floats. */
  read(ids: readonly number[], scale: number, stride: number): Promise<Float32Array<ArrayBuffer>>;
  /** Bytes of panels read so far. */
  readonly byteLength: number;
}

const rememberedPanels = 64;

/** `matrix` of section `section`. */
export function createRows(layout: Layout, section: number, matrix: Matrix, memory: Pick<SlabMemory, 'read'>): Rows {
  const { panelBytes } = matrix.panels;
  const panels = new Map<number, Promise<Uint32Array>>(); // the last used last
  let byteLength = 0;

  function panel(index: number): Promise<Uint32Array> {
    const known = panels.get(index);
    panels.delete(index);
    const found = known ?? readPanel(index);
    panels.set(index, found);
    found.catch(() => panels.delete(index));
    if (panels.size > rememberedPanels) panels.delete(panels.keys().next().value!);
    return found;
  }

  async function readPanel(index: number): Promise<Uint32Array> {
    const start = matrix.offset + index * panelBytes;
    const slab = layout.slabs.findIndex((s) => s.section === section && start >= s.offset && start < s.offset + s.byteLength);
    const { bytes } = await memory.read({ slab, offset: start - layout.slabs[slab].offset, length: panelBytes });
    byteLength += panelBytes;
    return new Uint32Array(bytes.slice().buffer); // a copy, so that it does not keep a whole slab alive
  }

  return {
    get byteLength() {
      return byteLength;
    },
    async read(ids, scale, stride) {
      const rows = new Float32Array(ids.length * stride);
      const factor = Math.fround(scale);
      await Promise.all(
        ids.map(async (id, i) => {
          const packed = await panel(Math.floor(id / panelRows));
          const row = unpackRow(matrix.format, matrix.panels, packed, id % panelRows, matrix.cols);
          for (let c = 0; c < row.length; c++) rows[i * stride + c] = row[c] * factor; // the store rounds to f32
        }),
      );
      return rows;
    },
  };
}
