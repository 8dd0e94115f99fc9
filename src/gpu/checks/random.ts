// Seeded random numbers, and random weights in every format: GGUF bytes with scales as models have them.
import { formats } from '../../formats/catalogue.ts';
import { ggmlTypes } from '../../formats/ggml-types.ts';
import { panelLayout, repackRows, unpackRow } from '../../formats/panel.ts';
import { mulberry32 } from '../../random.ts';

/** In [0, 1). */
export type Random = () => number;

/** Mulberry32, seeded by a text, so that each case keeps its numbers whatever stands before it. */
export function random(name: string): Random {
  return mulberry32([...name].reduce((hash, letter) => Math.imul(hash ^ letter.codePointAt(0)!, 16777619), 2166136261));
}

/** `count` normally distributed numbers of standard deviation `size`. */
export const normals = (next: Random, count: number, size = 1): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, () => size * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));

/** Where a ggml block has f16 numbers; that of IQ1_M lies apart. */
const halves: Record<string, number[]> = {
  F16: [0], Q4_0: [0], Q4_1: [0, 2], Q5_0: [0], Q5_1: [0, 2], Q8_0: [0], IQ4_NL: [0], IQ4_XS: [0],
  Q2_K: [80, 82], Q3_K: [108], Q4_K: [0, 2], Q5_K: [0, 2], Q6_K: [208],
  IQ1_S: [0], IQ1_M: [48], IQ2_XXS: [0], IQ2_XS: [0], IQ2_S: [0], IQ3_XXS: [0], IQ3_S: [0], TQ1_0: [52], TQ2_0: [64], Q1_0: [0], Q2_0: [0],
};

/** Writes an f16 of a block: that of IQ1_M in four bits at the top of each of four 16 bits. */
function setHalf(view: DataView, type: string, at: number, half: number): void {
  if (type !== 'IQ1_M') return view.setUint16(at, half, true);
  for (let i = 0; i < 4; i++) view.setUint16(at + 2 * i, (view.getUint16(at + 2 * i, true) & 0xfff) | (((half >> (4 * i)) & 15) << 12), true);
}

/** Scales of a byte that are no f16: where they lie, and what random ones there may be. */
const byteScales: Record<string, { offsets: number[]; least: number; count: number }> = {
  MXFP4: { offsets: [0], least: 118, count: 6 }, // powers of two
  NVFP4: { offsets: [0, 1, 2, 3], least: 1, count: 40 }, // subnormals, and up to 2^-3
};

const typeNamed = new Map([...ggmlTypes.values()].map((type) => [type.name, type]));

/** Weights per ggml block: rows are a multiple of it. */
export const ggmlBlock = (type: string): number => typeNamed.get(type)!.blockSize;

/** Columns of a matrix of a type, awkward where the type allows: the n-th of those that go round. */
export const columns = (type: string, n: number): number => (ggmlBlock(type) === 1 ? [1, 172, 33, 64][n % 4] : ggmlBlock(type) * (1 + (n % 3)));

/** True for types whose scales may be f16 subnormals. */
export const hasHalves = (type: string): boolean => type in halves;

/** True for those that are otherwise where f16 is unpacked: MXFP4 makes f16 of its weights. */
export const unpacksHalves = (type: string): boolean => hasHalves(type) || type === 'MXFP4';

/** The GGUF bytes of a tensor of random codes; its scales are f16 subnormals if so wanted. */
export function randomTensor(type: string, rows: number, cols: number, next: Random, subnormal = false): Uint8Array<ArrayBuffer> {
  const { blockSize, blockBytes } = typeNamed.get(type)!;
  if (type === 'F32') return new Uint8Array(normals(next, rows * cols, 0.05).buffer);
  const bytes = new Uint8Array(((rows * cols) / blockSize) * blockBytes);
  const view = new DataView(bytes.buffer);
  if (type === 'BF16') {
    const floats = new Uint32Array(normals(next, rows * cols, 0.05).buffer);
    floats.forEach((bits, i) => view.setUint16(2 * i, bits >>> 16, true));
    return bytes;
  }
  if (!hasHalves(type) && !(type in byteScales))
    throw new Error(`The self-test knows no random weights of type ${type}: say in checks/random.ts where its scales lie.`);
  for (let i = 0; i < bytes.length; i++) bytes[i] = next() * 256;
  for (let block = 0; block < bytes.length; block += blockBytes) {
    const { offsets = [], least = 0, count = 0 } = byteScales[type] ?? {};
    for (const offset of offsets) bytes[block + offset] = least + next() * count;
    for (const offset of halves[type] ?? []) setHalf(view, type, block + offset, randomHalf(next, subnormal));
  }
  return bytes;
}

/** The bits of an f16 of either sign: from 2^-9 to 2^-5, or a subnormal. */
function randomHalf(next: Random, subnormal: boolean): number {
  const sign = next() < 0.5 ? 0x8000 : 0;
  const exponent = subnormal ? 0 : 6 + Math.floor(next() * 4);
  return sign | (exponent << 10) | (1 + Math.floor(next() * 1023));
}

/** The weights of a tensor, (rows, cols), as ggml dequantises them. */
export function unpackTensor(type: string, bytes: Uint8Array, rows: number, cols: number): Float32Array<ArrayBuffer> {
  const format = formats.get(type)!;
  const layout = panelLayout(format, rows, cols);
  const packed = new Uint32Array((layout.panels * layout.panelBytes) / 4);
  repackRows(format, layout, bytes, bytes.length / rows, rows, packed, 0);
  const weights = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) weights.set(unpackRow(format, layout, packed, row, cols), row * cols);
  return weights;
}
