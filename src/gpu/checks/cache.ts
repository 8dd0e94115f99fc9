// Keys and values as the kernels keep them: (position / 32, kv head, 4 dimensions, position % 32) and
// (position, kv head, 4 dimensions), in f32, f16 or 8 bits; these with a head's scale in one word behind its dimensions.
// Packs and unpacks (position, kv head, head_dim) for checks.
import { halfToFloat } from '../../formats/half.ts';
import { kvBytes } from '../../model/kv-cache.ts';
import { type KvType } from '../../protocol.ts';
import { roundToHalf } from '../../reference/half.ts';
import { quantise, roundToSteps } from '../../reference/q8.ts';

export interface CacheShape {
  kvHeads: number;
  headDim: number;
  cache: KvType;
}

/** Calls `visit` for every head of (positions, kvHeads), in order, with where its first 4 dimensions lie and how far it is to the next 4, in units of 4. */
function forEachHead({ kvHeads, headDim, cache }: CacheShape, what: 'keys' | 'values', positions: number, visit: (first: number, step: number, index: number) => void): void {
  const row = Math.ceil(headDim / 4) + (cache === 'q8' ? 1 : 0);
  for (let position = 0; position < positions; position++) {
    for (let head = 0; head < kvHeads; head++) {
      const index = position * kvHeads + head;
      if (what === 'keys') visit((Math.floor(position / 32) * kvHeads + head) * row * 32 + (position % 32), 32, index);
      else visit(index * row, 1, index);
    }
  }
}

/** The cache's bytes for (positions, kvHeads, headDim); `filler` stands at all other places but the padding of heads. */
export function packCache(shape: CacheShape, what: 'keys' | 'values', numbers: Float32Array, bytes: number, filler: number): Uint8Array<ArrayBuffer> {
  const { kvHeads, headDim, cache } = shape;
  const packed = new ArrayBuffer(bytes);
  const [floats, halves, steps] = [new Float32Array(packed), new Uint16Array(packed), new Int8Array(packed)];
  const capacity = 32 * Math.floor(bytes / kvBytes(shape, 32, cache));
  forEachHead(shape, what, capacity, (first, step, index) => {
    const start = index * headDim;
    const head = start < numbers.length ? numbers.slice(start, start + headDim) : Float32Array.from({ length: headDim }, (_, d) => filler * (1 + (index % kvHeads) * headDim + d));
    const quantised = quantise(head);
    head.forEach((value, d) => {
      const place = 4 * (first + step * (d >> 2)) + (d & 3);
      if (cache === 'f32') floats[place] = value;
      else if (cache === 'f16') halves[place] = halfBits(value);
      else steps[place] = quantised.steps[d];
    });
    if (cache === 'q8') floats[first + step * Math.ceil(headDim / 4)] = quantised.scale;
  });
  return new Uint8Array(packed);
}

export function unpackCache(shape: CacheShape, what: 'keys' | 'values', bytes: ArrayBuffer, positions: number): Float32Array {
  const { kvHeads, headDim, cache } = shape;
  const [floats, halves, steps] = [new Float32Array(bytes), new Uint16Array(bytes), new Int8Array(bytes)];
  const numbers = new Float32Array(positions * kvHeads * headDim);
  forEachHead(shape, what, positions, (first, step, index) => {
    const scale = floats[first + step * Math.ceil(headDim / 4)];
    for (let d = 0; d < headDim; d++) {
      const place = 4 * (first + step * (d >> 2)) + (d & 3);
      numbers[index * headDim + d] = cache === 'f32' ? floats[place] : cache === 'f16' ? halfToFloat(halves[place]) : (steps[place] / 127) * scale;
    }
  });
  return numbers;
}

/** The numbers that a cache holds for these. */
export const stored = ({ cache, headDim }: Pick<CacheShape, 'cache' | 'headDim'>, numbers: Float32Array): Float32Array =>
  cache === 'f32' ? numbers : cache === 'f16' ? numbers.map(roundToHalf) : roundToSteps(numbers, headDim);

/** The f16 bits of a number that is one exactly or nearly. */
function halfBits(value: number): number {
  const rounded = roundToHalf(value);
  const size = Math.abs(rounded);
  const exponent = size < 2 ** -14 ? 0 : Math.floor(Math.log2(size)) + 15;
  const fraction = exponent === 0 ? size * 2 ** 24 : (size / 2 ** (exponent - 15) - 1) * 1024;
  return (rounded < 0 ? 0x8000 : 0) | (exponent << 10) | fraction;
}
