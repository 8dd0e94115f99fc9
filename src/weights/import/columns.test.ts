// Matrices that are stored by their columns: every number comes to its place, in however many slabs, and as a file arrives.
import { describe, expect, it } from 'vitest';
import { columnBlock } from '../../formats/columns.ts';
import { halfToFloat } from '../../formats/half.ts';
import { type Header } from '../../gguf/header.ts';
import { random, randomTensor, unpackTensor } from '../../gpu/checks/random.ts';
import { type Layout, layoutOf } from '../layout.ts';
import { bytesSource } from '../source/source.ts';
import { importSlab, piecesOf } from './pieces.ts';
import { type Target, createPlacer } from './placer.ts';

const [rows, cols] = [36, 96];

function fileOf(type: string) {
  const bytes = randomTensor(type, rows, cols, random(type));
  const tensors = new Map([['down', { name: 'down', type, shape: [cols, rows], offset: 0, byteLength: bytes.length }]]);
  const header: Header = { version: 3, metadata: new Map(), tensors, headerBytes: 0, fileBytes: bytes.length };
  const layout = layoutOf(header, [{ name: 'layer', vectors: [], stacks: [], columns: { tensor: 'down', rows, cols } }], 2560);
  return { bytes, header, layout };
}

/** Number `row` of column `col`, from a section's bytes. */
function numberAt({ sections: [{ pool }] }: Layout, section: Uint8Array<ArrayBuffer>, row: number, col: number): number {
  const { offset, itemBytes, columns } = pool!;
  const view = new DataView(section.buffer);
  const at = offset + col * itemBytes;
  const scale = columns!.scales === undefined ? 1 : halfToFloat(view.getUint16(columns!.scales + 2 * (Math.floor(col / columnBlock) * rows + row), true));
  if (columns!.form.name === 'i8') return view.getInt8(at + row) * scale;
  if (columns!.form.name === 'i4') return ((((view.getUint8(at + (row >> 1)) >> (4 * (row & 1))) & 15) ^ 8) - 8) * scale;
  return columns!.form.name === 'f16' ? halfToFloat(view.getUint16(at + 2 * row, true)) : view.getFloat32(at + 4 * row, true);
}

describe.each(['Q8_0', 'Q4_0', 'F16', 'F32'])('columns of %s', (type) => {
  it('are what the type says, each in one slab', async () => {
    const { bytes, header, layout } = fileOf(type);
    expect(layout.slabs.length).toBeGreaterThan(1);
    const slabs = await Promise.all(layout.slabs.map((slab) => importSlab(bytesSource(bytes, 'file'), header, layout, slab)));
    const section = Uint8Array.from(slabs.flatMap((slab) => [...slab]));
    const expected = unpackTensor(type, bytes, rows, cols);
    for (let row = 0; row < rows; row++)
      for (let col = 0; col < cols; col++) expect(Math.fround(numberAt(layout, section, row, col))).toBe(expected[row * cols + col]);
  });

  it('are placed in all slabs at once as the file arrives, cut anywhere', async () => {
    const { bytes, header, layout } = fileOf(type);
    const words = layout.slabs.map(({ byteLength }) => new Uint32Array(byteLength / 4));
    const finished: (number | undefined)[] = [];
    let placed = 0;
    const targets = layout.slabs.flatMap((slab, index) => piecesOf(header, layout, slab).map((piece): Target => ({ slab: index, piece })));
    const placer = createPlacer(targets, {
      open: async (slab) => words[slab], placed: (_, count) => void (placed += count), finished: async ({ slab }) => void finished.push(slab),
    });
    for (let at = 0; at < bytes.length; at += 501) await placer.feed(at, bytes.subarray(at, at + 501));
    expect([placed, placer.current]).toEqual([bytes.length, []]);
    expect(finished).toEqual(targets.map(({ slab }) => slab));
    for (const [index, slab] of layout.slabs.entries())
      expect(new Uint8Array(words[index].buffer)).toEqual(await importSlab(bytesSource(bytes, 'file'), header, layout, slab));
  });
});
