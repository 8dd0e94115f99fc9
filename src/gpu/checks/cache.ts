// Keys and values as the kernels keep them: (position / 32, kv head, 4 dimensions, position % 32) and
// (position, kv head, 4 dimensions), in f32 or f16. Packs and unpacks (position, kv head, head_dim) for checks.
import { halfToFloat } from '../../formats/half.ts';
import { roundToHalf } from '../../reference/half.ts';

export interface CacheShape {
  kvHeads: number;
  headDim: number;
  cache: 'f32' | 'f16';
}

/** Calls `visit` with the index in the cache of every number of (positions, kvHeads, headDim), in order. */
function forEachPlace({ kvHeads, headDim }: CacheShape, what: 'keys' | 'values', positions: number, visit: (place: number, index: number) => void): void {
  const vec4s = Math.ceil(headDim / 4);
  let index = 0;
  for (let position = 0; position < positions; position++) {
    for (let head = 0; head < kvHeads; head++) {
      const key = (Math.floor(position / 32) * kvHeads + head) * vec4s * 32 + (position % 32);
      const value = (position * kvHeads + head) * vec4s;
      for (let d = 0; d < headDim; d++) visit(4 * (what === 'keys' ? key + 32 * (d >> 2) : value + (d >> 2)) + (d & 3), index++);
    }
  }
}

/** The cache's bytes for (positions, kvHeads, headDim); `filler` stands at all other places but the padding of heads. */
export function packCache(shape: CacheShape, what: 'keys' | 'values', numbers: Float32Array, bytes: number, filler: number): Uint8Array<ArrayBuffer> {
  const count = bytes / (shape.cache === 'f32' ? 4 : 2);
  const floats = new Float32Array(count);
  const row = shape.kvHeads * shape.headDim;
  const capacity = Math.floor(count / (shape.kvHeads * Math.ceil(shape.headDim / 4) * 4) / 32) * 32;
  forEachPlace(shape, what, capacity, (place, index) => (floats[place] = index < numbers.length ? numbers[index] : filler * (1 + (index % row))));
  return new Uint8Array(shape.cache === 'f32' ? floats.buffer : Uint16Array.from(floats, halfBits).buffer);
}

export function unpackCache(shape: CacheShape, what: 'keys' | 'values', bytes: ArrayBuffer, positions: number): Float32Array {
  const numbers = new Float32Array(positions * shape.kvHeads * shape.headDim);
  const floats = shape.cache === 'f32' ? new Float32Array(bytes) : Float32Array.from(new Uint16Array(bytes), halfToFloat);
  forEachPlace(shape, what, positions, (place, index) => (numbers[index] = floats[place]));
  return numbers;
}

/** The numbers that a cache holds for these. */
export const stored = ({ cache }: CacheShape, numbers: Float32Array): Float32Array => (cache === 'f32' ? numbers : numbers.map(roundToHalf));

/** The f16 bits of a number that is one exactly or nearly. */
function halfBits(value: number): number {
  const rounded = roundToHalf(value);
  const size = Math.abs(rounded);
  const exponent = size < 2 ** -14 ? 0 : Math.floor(Math.log2(size)) + 15;
  const fraction = exponent === 0 ? size * 2 ** 24 : (size / 2 ** (exponent - 15) - 1) * 1024;
  return (rounded < 0 ? 0x8000 : 0) | (exponent << 10) | fraction;
}
