// How a matrix is stored by its columns, so that one of them can be read alone: the codes of a column side by side, and apart from them
// the scales, which neighbours of a row share. A row may lie beside a column, in the same form and with its scales. Types of other shapes are stored by
// panels only.
export interface ColumnForm {
  /** Its shader, shaders/parts/rare/column/NAME.wgsl. */
  readonly name: 'i8' | 'i4' | 'f16' | 'f32';
  /** Of a number in its column. */
  readonly bits: 4 | 8 | 16 | 32;
  /** Whether 32 neighbours of a row share an f16 scale. */
  readonly scaled: boolean;
  /** Bytes of 32 numbers of a row in a GGUF; what is scaled begins with its scale. */
  readonly blockBytes: number;
}

/** Neighbours of a row that share a scale. */
export const columnBlock = 32;

const forms: Readonly<Record<string, ColumnForm>> = {
  Q8_0: { name: 'i8', bits: 8, scaled: true, blockBytes: 34 },
  Q4_0: { name: 'i4', bits: 4, scaled: true, blockBytes: 18 },
  F16: { name: 'f16', bits: 16, scaled: false, blockBytes: 64 },
  F32: { name: 'f32', bits: 32, scaled: false, blockBytes: 128 },
};

/** Undefined for a type of weights that has none. */
export const columnForm = (type: string): ColumnForm | undefined => forms[type];

/** Bytes of a column of `rows` numbers: whole words of four. */
export const columnBytes = ({ bits }: ColumnForm, rows: number): number => Math.ceil((rows * bits) / 128) * 16;

/** Bytes of the scales of a matrix, f16 (cols / 32, rows). */
export const scaleBytes = ({ scaled }: ColumnForm, rows: number, cols: number): number => (scaled ? 2 * rows * Math.ceil(cols / columnBlock) : 0);

/**
 * Puts columns `first .. end` of a row of a GGUF into their columns, `columnBytes` apart in `target`: its row `row`. What was there of that
 * row has to be zero or the same.
 */
export function placeInColumns(
  form: ColumnForm, source: DataView, row: number, { first, end }: { first: number; end: number }, target: Uint8Array, stride: number,
): void {
  for (let col = first; col < end; col++) placeOne(form, source, col, row, target, (col - first) * stride);
}

/** Puts number `col` of a row of a GGUF at place `row` of the numbers that begin at byte `start`. */
function placeOne({ name, bits, blockBytes }: ColumnForm, source: DataView, col: number, row: number, target: Uint8Array, start: number): void {
  const to = start + ((row * bits) >> 3);
  const block = Math.floor(col / columnBlock) * blockBytes;
  const i = col % columnBlock;
  if (name === 'i8') target[to] = source.getUint8(block + 2 + i);
  else if (name === 'i4') target[to] |= (((source.getUint8(block + 2 + (i & 15)) >> (i & 16 ? 4 : 0)) & 15) ^ 8) << (4 * (row & 1)); // two's complement
  else for (let byte = 0; byte < bits >> 3; byte++) target[to + byte] = source.getUint8(((col * bits) >> 3) + byte);
}

/** Puts the scales of a row of a GGUF where they lie: its row `row` of (cols / 32, rows). */
export function placeScales({ blockBytes }: ColumnForm, source: DataView, row: number, rows: number, cols: number, target: DataView): void {
  for (let block = 0; block * columnBlock < cols; block++) target.setUint16(2 * (block * rows + row), source.getUint16(block * blockBytes, true), true);
}

/** Puts the codes of a row of a GGUF, of `cols` numbers, where they lie as those of a column do. What was there has to be zero or the same. */
export function placeRow(form: ColumnForm, source: DataView, cols: number, target: Uint8Array): void {
  for (let col = 0; col < cols; col++) placeOne(form, source, col, col, target, 0);
}
