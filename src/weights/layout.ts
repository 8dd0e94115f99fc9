// Where every weight of a model lies in storage: sections (embedding, one per layer, head), each with its vectors in
// front and its matrices in the order of use, cut into slabs. A pure function of header and graph, the same on every
// device; `layoutVersion` names it.
import { InvalidFileError } from '../errors.ts';
import { type ColumnForm, columnBlock, columnBytes, columnForm, scaleBytes } from '../formats/columns.ts';
import { formats } from '../formats/catalogue.ts';
import { type Format } from '../formats/format.ts';
import { type PanelLayout, panelLayout, panelRows } from '../formats/panel.ts';
import { type Header } from '../gguf/header.ts';

export const layoutVersion = 1;
export const maxSlabBytes = 16 * 1024 * 1024;

/** A run of rows of a tensor and where they go in a matrix. */
export interface Part {
  tensor: string;
  firstRow: number;
  rows: number;
  /** First row in the stacked matrix. */
  targetRow: number;
}

/** Matrices of one type that share their input, stacked by rows. */
export interface Matrix {
  format: Format;
  rows: number;
  cols: number;
  parts: Part[];
  panels: PanelLayout;
  /** First byte in its section, a multiple of 256. */
  offset: number;
}

/** Items of equal size side by side, of which a token reads some: experts, say. */
export interface Pool {
  /** First byte in its section, a multiple of 256. */
  offset: number;
  itemBytes: number;
  /** Of each item its stacks: alike, each `itemBytes` behind that of the item before. None where items are columns. */
  items: Matrix[][][];
  columns?: Columns;
}

/** A matrix, or several in one tensor, of which each column is an item, alone or behind a row of another tensor. */
export interface Columns {
  tensor: string;
  form: ColumnForm;
  /** Numbers of a column. */
  rows: number;
  /** One after the other in the tensor. */
  matrices: number;
  /** First byte of the column in its item. */
  first: number;
  /** What an item begins with: a row of so many numbers, by the form of a column; `scales`: its own, f16, behind all else of the item. */
  up?: { tensor: string; form: ColumnForm; cols: number; scales?: number };
  /** First byte in the section, among the vectors, of f16 (columns / 32, rows): what neighbours of a row share, if its type has that. */
  scales?: number;
}

export interface Vector {
  tensor: string;
  length: number;
  /** First byte in its section; padded with zeros to a multiple of 16 bytes. */
  offset: number;
}

export interface Slab {
  section: number;
  /** First byte in its section. */
  offset: number;
  byteLength: number;
}

export interface Section {
  name: string;
  vectors: Vector[];
  /** Bytes of all vectors, from offset 0. */
  vectorBytes: number;
  /** Per stack of the specification, in order: one matrix, or several where the types differ. */
  stacks: Matrix[][];
  /** Behind the stacks. */
  pool?: Pool;
  byteLength: number;
}

/** All that is stored of a section behind its vectors, in order. */
export const matricesOf = ({ stacks, pool }: Pick<Section, 'stacks' | 'pool'>): Matrix[] => [...stacks.flat(), ...(pool?.items.flat(2) ?? [])];

/** Where a section may be cut: a matrix at its panels, a pool at its items. */
export type Cuttable = Pick<Matrix, 'offset'> & { panels: Pick<PanelLayout, 'panels' | 'panelBytes'> };

export const cuttableOf = ({ stacks, pool }: Pick<Section, 'stacks' | 'pool'>): Cuttable[] => [...stacks.flat(), ...(pool ? [itemsAsPanels(pool)] : [])];

/** Whether some matrices are stored by their columns: a model that was stored before there was that has them by rows. */
export const hasColumns = ({ sections }: Pick<Layout, 'sections'>): boolean => sections.some(({ pool }) => pool?.columns !== undefined);

/** Items that have to be in slots at once, if so many are used: the sums of columns are made 32 at a time. */
export const itemsTogether = ({ columns, items }: Pick<Pool, 'columns' | 'items'>): number => (columns ? Math.min(columnBlock, items.length) : 1);

/** Items that storage is cut behind: bindings begin at multiples of 256 bytes, columns at those of 16. */
const storedEach = ({ columns }: Pick<Pool, 'columns'>): number => (columns ? 16 : 1);

/** Items that a pool is cut behind on the GPU: columns where a block of sums ends, so that sums are made in one order however a pool is cut. */
export const itemsEach = (pool: Pick<Pool, 'columns' | 'items'>): number =>
  (pool.columns && pool.items.length % columnBlock === 0 ? columnBlock : storedEach(pool));

/** A pool as a matrix whose panels are the items, or so many of them. */
export const itemsAsPanels = (pool: Pool, each = itemsEach(pool)): Cuttable =>
  ({ offset: pool.offset, panels: { panels: Math.ceil(pool.items.length / each), panelBytes: each * pool.itemBytes } });

/** Of all items, what lies behind the last one included. */
export const poolBytes = (pool: Pool): number => {
  const { panels: { panels, panelBytes } } = itemsAsPanels(pool, storedEach(pool));
  return panels * panelBytes;
};

/** As if there were no pools: where they are fetched item by item, what is divided into slices ends before them. */
export const withoutPools = (layout: Layout): Layout => ({
  ...layout,
  sections: layout.sections.map(({ pool, ...section }) => (pool ? { ...section, byteLength: pool.offset } : section)),
});

/** The grids of the formats of a model's matrices: what their indices choose among, by the name of the format. */
export function gridsIn({ sections }: Layout): { name: string; words: Uint32Array<ArrayBuffer> }[] {
  const used = new Set(sections.flatMap((section) => matricesOf(section).map(({ format }) => format)));
  return [...used].flatMap(({ name, grid }) => (grid ? [{ name, words: grid }] : []));
}

export interface Layout {
  sections: Section[];
  slabs: Slab[];
  byteLength: number;
}

/** What a section holds: vectors, and groups of row ranges that are to be stacked. */
export interface SectionSpec {
  name: string;
  vectors: string[];
  /** `aligned`: every part begins at a panel, as gated matrices need it. */
  stacks: StackSpec[];
  /** Of each item of its pool the stacks; or the matrix whose columns are the items. */
  pool?: StackSpec[][];
  columns?: { tensor: string; rows: number; cols: number; matrices?: number; up?: { tensor: string; cols: number } };
}

interface StackSpec {
  cols: number;
  ranges: { tensor: string; firstRow: number; rows: number }[];
  aligned: boolean;
}

const align = (bytes: number, to: number) => Math.ceil(bytes / to) * to;

/** `slabBytes`: another size than the stored one, for tests. */
export function layoutOf(header: Header, specs: SectionSpec[], slabBytes = maxSlabBytes): Layout {
  const sections = specs.map((spec) => placeSection(header, spec));
  const slabs = sections.flatMap((section, index) => cutSection(section, index, slabBytes));
  return { sections, slabs, byteLength: sections.reduce((sum, s) => sum + s.byteLength, 0) };
}

function placeSection(header: Header, spec: SectionSpec): Section {
  let offset = 0;
  const vectors: Vector[] = spec.vectors.map((tensor) => {
    const { shape } = header.tensors.get(tensor)!;
    const vector = { tensor, length: shape.reduce((product, size) => product * size, 1), offset };
    offset += align(vector.length * 4, 16);
    return vector;
  });
  const columns = spec.columns && placeColumns(header, spec.columns, offset);
  offset = align(columns ? offset + columns.scaleBytes : offset, 256);
  const vectorBytes = offset;
  const { stacks, end } = placeStacks(header, spec.stacks, vectorBytes);
  const pool = columns ? { ...columns.pool, offset: end } : spec.pool && placePool(header, spec.pool, end);
  return { name: spec.name, vectors, vectorBytes, stacks, ...(pool && { pool }), byteLength: pool ? end + poolBytes(pool) : end };
}

/** The columns of matrices as items, each behind its row of `up`, and their scales, which begin at `scales`. */
function placeColumns(header: Header, { tensor, rows, cols, matrices = 1, up }: NonNullable<SectionSpec['columns']>, scales: number) {
  const formOf = (name: string) => columnForm(header.tensors.get(name)!.type)!;
  const form = formOf(tensor);
  const first = up ? columnBytes(formOf(up.tensor), up.cols) : 0;
  const end = first + columnBytes(form, rows);
  const row = up && { ...up, form: formOf(up.tensor), ...(formOf(up.tensor).scaled && { scales: end }) };
  const pool: Omit<Pool, 'offset'> = {
    itemBytes: end + (row ? align(scaleBytes(row.form, 1, row.cols), 16) : 0),
    items: new Array<Matrix[][]>(matrices * cols).fill([]),
    columns: { tensor, form, rows, matrices, first, ...(form.scaled && { scales }), ...(row && { up: row }) },
  };
  return { pool, scaleBytes: matrices * scaleBytes(form, rows, cols) };
}

function placePool(header: Header, specs: StackSpec[][], offset: number): Pool {
  let end = offset;
  const items = specs.map((stacks) => {
    const placed = placeStacks(header, stacks, end);
    end = placed.end;
    return placed.stacks;
  });
  return { offset, itemBytes: (end - offset) / items.length, items };
}

function placeStacks(header: Header, specs: StackSpec[], start: number): { stacks: Matrix[][]; end: number } {
  let end = start;
  const stacks = specs.map((stack) =>
    runsOfOneType(header, stack.ranges).map((run): Matrix => {
      let rows = 0;
      const parts = run.map((range) => {
        if (stack.aligned) rows = align(rows, panelRows);
        const part = { ...range, targetRow: rows };
        rows += range.rows;
        return part;
      });
      const format = formats.get(header.tensors.get(run[0].tensor)!.type)!;
      const panels = panelLayout(format, rows, stack.cols);
      if (panels.panelBytes > maxSlabBytes)
        throw new InvalidFileError(`${run[0].tensor}: ${stack.cols} columns make 32 rows larger than ${maxSlabBytes} bytes.`);
      const matrix = { format, rows, cols: stack.cols, parts, panels, offset: end };
      end += panels.panels * panels.panelBytes;
      return matrix;
    }),
  );
  return { stacks, end };
}

/** Matrices of different types cannot share a kernel: each run of one type becomes a matrix of its own. */
function runsOfOneType<T extends { tensor: string }>(header: Header, ranges: T[]): T[][] {
  const runs: T[][] = [];
  for (const range of ranges) {
    const last = runs.at(-1);
    if (last && header.tensors.get(last[0].tensor)!.type === header.tensors.get(range.tensor)!.type) last.push(range);
    else runs.push([range]);
  }
  return runs;
}

/** Slabs end where panels end, so that each one has its own source rows. */
function cutSection(section: Section, index: number, slabBytes: number): Slab[] {
  const slabs: Slab[] = [];
  let start = 0;
  let end = section.vectorBytes;
  const close = () => {
    if (end > start) slabs.push({ section: index, offset: start, byteLength: end - start });
    start = end;
  };
  const { pool } = section;
  for (const { panels, offset } of [...matricesOf(section), ...(pool?.columns ? [itemsAsPanels(pool, storedEach(pool))] : [])]) {
    for (let done = 0; done < panels.panels; ) {
      const room = Math.floor((slabBytes - (end - start)) / panels.panelBytes);
      const take = Math.min(room, panels.panels - done);
      if (take <= 0) {
        close();
        continue;
      }
      done += take;
      end = offset + done * panels.panelBytes;
    }
  }
  close();
  return slabs;
}
