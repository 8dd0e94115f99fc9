// Matrices that are stored by their columns, alone or beside rows of another: every number comes to its place, in however many slabs, and as a
// file arrives.
import { describe, expect, it } from 'vitest';
import { type ColumnForm, columnBlock } from '../../formats/columns.ts';
import { halfToFloat } from '../../formats/half.ts';
import { type Header } from '../../gguf/header.ts';
import { random, randomTensor, unpackTensor } from '../../gpu/checks/random.ts';
import { type Layout, layoutOf } from '../layout.ts';
import { bytesSource } from '../source/source.ts';
import { importSlab, piecesOf } from './pieces.ts';
import { type Target, createPlacer } from './placer.ts';

const [rows, cols] = [36, 96];

interface Kind {
  name: string;
  /** One after the other in the tensor. */
  matrices: number;
  /** Numbers of the rows beside the columns, if there are any. */
  width?: number;
}
const kinds: Kind[] = [
  { name: 'alone', matrices: 1 }, { name: 'beside rows', matrices: 1, width: 64 }, { name: 'of three matrices, beside rows', matrices: 3, width: 64 },
];
/** Of rows beside columns of a type. */
const beside: Record<string, string> = { Q8_0: 'Q4_0', Q4_0: 'Q8_0', F16: 'F32', F32: 'F16' };

/** Room for 16 items of any type, and not for all. */
const slabBytes = ({ width }: Kind) => (width ? 5632 : 2560);

function fileOf(type: string, kind: Kind) {
  const { matrices, width } = kind;
  const given = {
    down: { type, shape: [cols, rows, matrices] }, ...(width && { up: { type: beside[type], shape: [width, cols, matrices] } }),
  };
  let offset = 0;
  const parts = Object.entries(given).map(([name, { type: of, shape }]) => {
    const bytes = randomTensor(of, shape[1] * matrices, shape[0], random(name + of));
    offset += bytes.length;
    return { name, type: of, shape, bytes, offset: offset - bytes.length, byteLength: bytes.length };
  });
  const tensors = new Map(parts.map(({ name, type: of, shape, offset: at, byteLength }) => [name, { name, type: of, shape, offset: at, byteLength }]));
  const header: Header = { version: 3, metadata: new Map(), tensors, headerBytes: 0, fileBytes: offset };
  const columns = { tensor: 'down', rows, cols, matrices, ...(width && { up: { tensor: 'up', cols: width } }) };
  const layout = layoutOf(header, [{ name: 'layer', vectors: [], stacks: [], columns }], slabBytes(kind));
  return { bytes: Uint8Array.from(parts.flatMap(({ bytes }) => [...bytes])), parts, header, layout };
}

/** Number `n` of codes by a form that begin at a byte, without their scale. */
function codeAt(view: DataView, { name }: ColumnForm, at: number, n: number): number {
  if (name === 'i8') return view.getInt8(at + n);
  if (name === 'i4') return (((view.getUint8(at + (n >> 1)) >> (4 * (n & 1))) & 15) ^ 8) - 8;
  return name === 'f16' ? halfToFloat(view.getUint16(at + 2 * n, true)) : view.getFloat32(at + 4 * n, true);
}

/** Numbers of items from a section's bytes: of a column, and of the row beside it. */
function itemsIn({ sections: [{ pool }] }: Layout, section: Uint8Array<ArrayBuffer>) {
  const { offset, itemBytes, columns } = pool!;
  const { form, first, scales, up } = columns!;
  const view = new DataView(section.buffer);
  /** Of some first byte, if there are any, the `n`th. */
  const scale = (at: number | undefined, n: number) => (at === undefined ? 1 : halfToFloat(view.getUint16(at + 2 * n, true)));
  return {
    column: (item: number, row: number) =>
      codeAt(view, form, offset + item * itemBytes + first, row) * scale(scales, Math.floor(item / columnBlock) * rows + row),
    row(item: number, n: number) {
      const at = offset + item * itemBytes;
      return codeAt(view, up!.form, at, n) * scale(up!.scales === undefined ? undefined : at + up!.scales, Math.floor(n / columnBlock));
    },
  };
}

const cases = ['Q8_0', 'Q4_0', 'F16', 'F32'].flatMap((type) => kinds.map((kind) => ({ type, ...kind })));

describe.each(cases)('columns of $type $name', ({ type, ...kind }) => {
  it('are what the type says, each in one slab', async () => {
    const { bytes, parts: [down, up], header, layout } = fileOf(type, kind);
    expect(layout.slabs.length).toBeGreaterThan(1);
    const slabs = await Promise.all(layout.slabs.map((slab) => importSlab(bytesSource(bytes, 'file'), header, layout, slab)));
    const items = itemsIn(layout, Uint8Array.from(slabs.flatMap((slab) => [...slab])));
    const expected = unpackTensor(type, down.bytes, rows * kind.matrices, cols);
    const found = expected.map((_, i) => items.column(Math.floor(i / (rows * cols)) * cols + (i % cols), Math.floor(i / cols) % rows));
    expect(found).toEqual(expected);
    if (!up) return;
    const wanted = unpackTensor(up.type, up.bytes, cols * kind.matrices, kind.width!);
    expect(wanted.map((_, i) => items.row(Math.floor(i / kind.width!), i % kind.width!))).toEqual(wanted);
  });

  it('are placed in all slabs at once as the file arrives, cut anywhere', async () => {
    const { bytes, header, layout } = fileOf(type, kind);
    const words = layout.slabs.map(({ byteLength }) => new Uint32Array(byteLength / 4));
    const finished: (number | undefined)[] = [];
    let placed = 0;
    const targets = layout.slabs.flatMap((slab, index) => piecesOf(header, layout, slab).map((piece): Target => ({ slab: index, piece })))
      .sort((a, b) => a.piece.offset - b.piece.offset);
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
