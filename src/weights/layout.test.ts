// Properties of the layout and the import for random models: fast-check makes the sections.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidFileError } from '../errors.ts';
import { formats } from '../formats/catalogue.ts';
import { ggmlTypes } from '../formats/ggml-types.ts';
import { wordsPerBlock } from '../formats/format.ts';
import { panelRows, unpackRow } from '../formats/panel.ts';
import { type Header, type TensorInfo } from '../gguf/header.ts';
import { importSlab, readVector } from './import/pieces.ts';
import { type Layout, type Pool, type SectionSpec, itemsAsPanels, itemsEach, layoutOf, matricesOf, maxSlabBytes, poolBytes } from './layout.ts';
import { bytesSource } from './source/source.ts';

interface Model {
  header: Header;
  specs: SectionSpec[];
}

const sizes = new Map([...ggmlTypes.values()].map((type) => [type.name, type]));

/** Items of a stack of two tensors and one of another, as experts have them: rows of the same three tensors, one item after the other. */
function poolOf(add: (type: string, shape: number[]) => string, items: number): NonNullable<SectionSpec['pool']> {
  const [rows, cols] = [33, 64];
  const [first, second, third] = [add('Q4_1', [cols, rows, items]), add('Q4_1', [cols, rows, items]), add('F16', [rows, cols, items])];
  const of = (tensor: string, item: number, count: number) => ({ tensor, firstRow: item * count, rows: count });
  return Array.from({ length: items }, (_, item) => [
    { cols, ranges: [of(first, item, rows), of(second, item, rows)], aligned: true },
    { cols: rows, ranges: [of(third, item, cols)], aligned: false },
  ]);
}

/** Stacks of a few tensors that share their columns, of mixed types, some of them alternating between the halves of one tensor as phi3's. */
function modelOf(types: string[], most: { rows: number; columnBlocks: number; stacks: number }): fc.Arbitrary<Model> {
  const tensor = fc.record({ type: fc.constantFrom(...types), rows: fc.integer({ min: 1, max: most.rows }) });
  const stack = fc.record({
    columnBlocks: fc.integer({ min: 1, max: most.columnBlocks }),
    oddColumns: fc.integer({ min: 0, max: 31 }),
    tensors: fc.array(tensor, { minLength: 1, maxLength: 4 }),
    aligned: fc.boolean(),
    halved: fc.boolean(),
  });
  const vectors = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 4 });
  const section = fc.record({ vectors, stacks: fc.array(stack, { maxLength: most.stacks }), items: fc.nat(5) });
  return fc.array(section, { minLength: 1, maxLength: 3 }).map((sections) => {
    const tensors = new Map<string, TensorInfo>();
    let offset = 0;
    const add = (type: string, shape: number[]): string => {
      const { blockSize, blockBytes } = sizes.get(type)!;
      const byteLength = (shape.reduce((a, b) => a * b, 1) / blockSize) * blockBytes;
      const name = `t${tensors.size}`;
      tensors.set(name, { name, type, shape, offset, byteLength });
      offset += byteLength;
      return name;
    };
    const specs = sections.map(({ vectors, stacks, items }, s): SectionSpec => ({
      name: `section.${s}`,
      vectors: vectors.map((length) => add('F32', [length])),
      stacks: stacks.map(({ columnBlocks, oddColumns, tensors: stacked, aligned, halved }) => {
        const block = Math.max(...stacked.map(({ type }) => sizes.get(type)!.blockSize));
        const cols = block === 1 ? 32 * columnBlocks - oddColumns : block * columnBlocks;
        const ranges = stacked.flatMap(({ type, rows }) => {
          const name = add(type, halved ? [cols, 2 * rows] : [cols, rows]);
          return halved ? [{ tensor: name, firstRow: 0, rows }, { tensor: name, firstRow: rows, rows }] : [{ tensor: name, firstRow: 0, rows }];
        });
        return { cols, ranges, aligned };
      }),
      ...(items > 0 && { pool: poolOf(add, items) }),
    }));
    return { specs, header: { version: 3, metadata: new Map(), tensors, headerBytes: 0, fileBytes: offset } };
  });
}

const typesOfRows = ['F32', 'F16', 'Q4_1', 'Q6_K'];
const small = modelOf(typesOfRows, { rows: 100, columnBlocks: 3, stacks: 3 });
const large = modelOf([...formats.keys()], { rows: 200_000, columnBlocks: 40, stacks: 6 });

/** The rows of every tensor as the layout places them: one entry per row and place. */
function* placesOf({ sections }: Layout) {
  for (const [index, section] of sections.entries()) {
    for (const matrix of matricesOf(section)) {
      for (const part of matrix.parts) yield { section: index, matrix, part };
    }
  }
}

describe('layoutOf', () => {
  it('puts every range of rows in exactly one place, as many as were asked for', () => {
    fc.assert(fc.property(large, ({ header, specs }) => {
      const named = ({ tensor, firstRow, rows }: { tensor: string; firstRow: number; rows: number }) => `${tensor} ${firstRow} ${rows}`;
      const asked = specs.flatMap(({ stacks, pool = [] }) => [...stacks, ...pool.flat()].flatMap(({ ranges }) => ranges.map(named)));
      const placed = [...placesOf(layoutOf(header, specs))].map(({ part: { tensor, firstRow, rows } }) => `${tensor} ${firstRow} ${rows}`);
      expect(placed).toEqual(asked);
    }));
  });

  it('stacks only tensors of one type, whose rows do not overlap and begin at a panel where that is asked', () => {
    fc.assert(fc.property(large, ({ header, specs }) => {
      layoutOf(header, specs).sections.forEach(({ stacks }, s) => stacks.forEach((matrices, i) => {
        for (const { parts, format, rows, cols, panels } of matrices) {
          let end = 0;
          for (const part of parts) {
            expect(header.tensors.get(part.tensor)!.type).toBe(format.name);
            expect(part.targetRow).toBeGreaterThanOrEqual(end);
            expect(part.targetRow - end).toBeLessThan(panelRows);
            if (specs[s].stacks[i].aligned) expect(part.targetRow % panelRows).toBe(0);
            else expect(part.targetRow).toBe(end);
            end = part.targetRow + part.rows;
          }
          expect(rows).toBe(end);
          expect(panels.panels).toBe(Math.ceil(rows / panelRows));
          expect(panels.panelBytes).toBeGreaterThanOrEqual((cols / format.blockSize) * wordsPerBlock(format) * 4 * panelRows);
        }
      }));
    }));
  });

  it('lets neither vectors nor panels overlap, all at offsets that bindings may have', () => {
    fc.assert(fc.property(large, ({ header, specs }) => {
      for (const section of layoutOf(header, specs).sections) {
        let end = 0;
        for (const { offset, length } of section.vectors) {
          expect(offset).toBeGreaterThanOrEqual(end);
          expect(offset % 16).toBe(0);
          end = offset + 4 * length;
        }
        expect(section.vectorBytes).toBeGreaterThanOrEqual(end);
        end = section.vectorBytes;
        for (const { offset, panels } of matricesOf(section)) {
          expect(offset).toBe(end);
          expect(offset % 256).toBe(0);
          end = offset + panels.panels * panels.panelBytes;
        }
        expect(section.byteLength).toBe(end);
      }
    }));
  });

  it('covers every section with slabs in order, without gaps, of at most 16 MiB, cut where panels end', () => {
    fc.assert(fc.property(large, ({ header, specs }) => {
      const { sections, slabs, byteLength } = layoutOf(header, specs);
      expect(slabs.reduce((sum, slab) => sum + slab.byteLength, 0)).toBe(byteLength);
      sections.forEach((section, index) => {
        const own = slabs.filter((slab) => slab.section === index);
        let end = 0;
        for (const slab of own) {
          expect(slab.offset).toBe(end);
          expect(slab.byteLength).toBeGreaterThan(0);
          expect(slab.byteLength).toBeLessThanOrEqual(maxSlabBytes);
          end += slab.byteLength;
          const holder = matricesOf(section).find(({ offset, panels }) => end > offset && end <= offset + panels.panels * panels.panelBytes);
          if (holder) expect((end - holder.offset) % holder.panels.panelBytes).toBe(0);
          else expect(end).toBe(section.vectorBytes);
        }
        expect(end).toBe(section.byteLength);
      });
      expect(slabs.map(({ section }) => section)).toEqual(slabs.map(({ section }) => section).sort((a, b) => a - b));
    }));
  });

  it('refuses rows of which 32 are larger than a slab; a vector with two sides is all its numbers', () => {
    const tensor = (shape: number[]): Header => ({
      version: 3,
      metadata: new Map(),
      headerBytes: 0,
      fileBytes: 0,
      tensors: new Map([['wide', { name: 'wide', type: 'F32', shape, offset: 0, byteLength: 0 }]]),
    });
    const wide = { name: 'layer.0', vectors: [], stacks: [{ cols: 131104, ranges: [{ tensor: 'wide', firstRow: 0, rows: 1 }], aligned: false }] };
    expect(() => layoutOf(tensor([131104, 1]), [wide])).toThrow(InvalidFileError);
    expect(() => layoutOf(tensor([131104, 1]), [wide])).toThrow(/wide: 131104 columns make 32 rows larger than 16777216 bytes/);
    const { sections } = layoutOf(tensor([4, 8]), [{ name: 'layer.0', vectors: ['wide'], stacks: [] }]);
    expect(sections[0].vectors).toEqual([{ tensor: 'wide', length: 32, offset: 0 }]);
  });
});

/** File bytes that are numbers in every type. */
function bytesOf({ tensors, fileBytes }: Header, seed: number): Uint8Array {
  const bytes = new Uint8Array(fileBytes);
  for (let i = 0; i < fileBytes; i++) bytes[i] = (Math.imul(i + seed, 2654435761) >>> 23) & 0xff;
  const view = new DataView(bytes.buffer);
  for (const { type, offset, byteLength } of tensors.values()) {
    if (type === 'F32')
      for (let at = 0; at < byteLength; at += 4) view.setFloat32(offset + at, bytes[offset + at] - 100.5 + bytes[offset + at + 1] / 256, true);
    else if (type === 'F16') for (let at = 1; at < byteLength; at += 2) bytes[offset + at] &= 0xbf; // exponents below the one of infinity
  }
  return bytes;
}

/** Row `row` of a tensor straight from the file, block by block. */
function rowOf({ type, shape: [cols, ...rows], offset, byteLength }: TensorInfo, file: Uint8Array, row: number): number[] {
  const format = formats.get(type)!;
  const rowBytes = byteLength / rows.reduce((product, each) => product * each, 1);
  const bytes = new Uint8Array(Math.ceil(rowBytes / format.blockBytes) * format.blockBytes);
  bytes.set(file.subarray(offset + row * rowBytes, offset + (row + 1) * rowBytes));
  const weights: number[] = [];
  for (let at = 0; at < bytes.length; at += format.blockBytes) {
    const words = new Uint32Array(wordsPerBlock(format));
    const block = new Float32Array(format.blockSize);
    format.repack(new DataView(bytes.buffer), at, words);
    format.unpack(words, block);
    weights.push(...block);
  }
  return weights.slice(0, cols);
}

/** Every vector and row of `model` after an import slab by slab must be those of the file. */
async function checkImport({ header, specs }: Model, seed: number): Promise<void> {
  const layout = layoutOf(header, specs);
  const file = bytesOf(header, seed);
  const source = bytesSource(file, 'random.gguf');
  const sections = layout.sections.map(({ byteLength }) => new Uint8Array(byteLength));
  for (const slab of layout.slabs) {
    const bytes = await importSlab(source, header, layout, slab);
    expect(bytes.length).toBe(slab.byteLength);
    sections[slab.section].set(bytes, slab.offset);
  }
  layout.sections.forEach(({ vectors }, s) => {
    for (const { tensor, offset, length } of vectors)
      expect([...new Float32Array(sections[s].buffer, offset, length)]).toEqual(rowOf(header.tensors.get(tensor)!, file, 0));
  });
  for (const { section, matrix, part } of placesOf(layout)) {
    const packed = new Uint32Array(sections[section].buffer, matrix.offset);
    for (const row of new Set([0, 1, part.rows >> 1, part.rows - 1])) {
      if (row >= part.rows) continue;
      const found = unpackRow(matrix.format, matrix.panels, packed, part.targetRow + row, matrix.cols);
      expect([...found], `row ${row} of ${part.tensor}`).toEqual(rowOf(header.tensors.get(part.tensor)!, file, part.firstRow + row));
    }
  }
}

describe('importSlab', () => {
  it('gives back every row of F32, F16, Q4_1 and Q6_K tensors in mixed stacks', async () => {
    await fc.assert(fc.asyncProperty(small, fc.nat(1000), checkImport), { numRuns: 60 });
  });

  it('gives back the rows of a matrix that spans several slabs', async () => {
    const tensors = new Map<string, TensorInfo>();
    const rows = 4100; // of 1028 columns in F32: 16.9 MB, the second slab begins inside
    for (const [name, offset] of [
      ['a', 0],
      ['b', rows * 1028 * 4],
    ] as const)
      tensors.set(name, { name, type: 'F32', shape: [1028, rows], offset, byteLength: rows * 1028 * 4 });
    const header: Header = { version: 3, metadata: new Map(), tensors, headerBytes: 0, fileBytes: 2 * rows * 1028 * 4 };
    const specs = [
      { name: 'layer.0', vectors: [], stacks: [{ cols: 1028, aligned: true, ranges: ['a', 'b'].map((tensor) => ({ tensor, firstRow: 0, rows })) }] },
    ];
    expect(layoutOf(header, specs).slabs.length).toBe(3);
    await checkImport({ header, specs }, 1);
  });
});

describe('readVector', () => {
  it('reads a vector of any type as f32', async () => {
    const tensors = new Map<string, TensorInfo>([['v', { name: 'v', type: 'F16', shape: [5], offset: 0, byteLength: 10 }]]);
    const file = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0, 0x3800, 0x0001).buffer);
    expect([...(await readVector(bytesSource(file, 'v'), tensors.get('v')!))]).toEqual([1, -2, 0, 0.5, 2 ** -24]);
  });
});

it('neurons are cut on the GPU where their sums are, behind 32, and stored as before, behind 16', () => {
  const pool = (count: number) => ({ offset: 256, itemBytes: 48, items: new Array(count).fill([]), columns: {} }) as unknown as Pool;
  expect([itemsEach(pool(96)), itemsAsPanels(pool(96)).panels, itemsAsPanels(pool(96), 16).panels]).toEqual([
    32, { panels: 3, panelBytes: 32 * 48 }, { panels: 6, panelBytes: 16 * 48 },
  ]);
  // A width that is no multiple of 32 ends within a block: nothing may be bound behind what is stored.
  expect([itemsEach(pool(80)), poolBytes(pool(80)), poolBytes(pool(70))]).toEqual([16, 80 * 48, 80 * 48]);
  expect(itemsEach({ ...pool(8), columns: undefined })).toBe(1);
  const rows = { name: 'w', type: 'F16', shape: [96, 8], offset: 0, byteLength: 2 * 96 * 8 };
  const header = { tensors: new Map([['w', rows]]) } as unknown as Header;
  const { slabs } = layoutOf(header, [{ name: 'layer', vectors: [], stacks: [], columns: { tensor: 'w', rows: 8, cols: 96 } }], 48 * 16);
  expect(slabs.map(({ byteLength }) => byteLength)).toEqual([768, 768]);
});
