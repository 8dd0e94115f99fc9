// Q4_K: 256 weights share an f16 scale and an f16 minimum; each 32 have 6-bit factors for both.
// weight = nibble * (scale * factor) - minimum * factor.
// GGUF block: scale, minimum, 12 bytes of factors, 128 bytes of nibbles (32 bytes hold two groups: low nibbles, high nibbles).
import { gatherNibbles, nibbleAt } from './bits.ts';
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

/**
 * Expands the 6-bit factors of a Q4_K or Q5_K block to bytes in the four words at `at`: for each group the scale's, then
 * the minimum's (`get_scale_min_k4` in ggml-quants.c). 4 bytes more per block spare the shader the puzzle.
 */
export function readFactors(source: DataView, offset: number, words: Uint32Array, at: number): void {
  const scales = source.getUint32(offset, true);
  const minimums = source.getUint32(offset + 4, true);
  const rest = source.getUint32(offset + 8, true);
  interleave(scales & 0x3f3f3f3f, minimums & 0x3f3f3f3f, words, at);
  interleave((rest & 0x0f0f0f0f) | ((scales >>> 2) & 0x30303030), ((rest >>> 4) & 0x0f0f0f0f) | ((minimums >>> 2) & 0x30303030), words, at + 2);
}

/** Four bytes of `a` and four of `b`, alternating, into two words. */
function interleave(a: number, b: number, words: Uint32Array, at: number): void {
  words[at] = (a & 0xff) | ((b & 0xff) << 8) | ((a & 0xff00) << 8) | ((b & 0xff00) << 16);
  words[at + 1] = ((a >>> 16) & 0xff) | ((b >>> 8) & 0xff00) | ((a >>> 8) & 0xff0000) | (b & 0xff000000);
}

export const format: Format = {
  name: 'Q4_K',
  ggmlType: 12,
  blockSize: 256,
  blockBytes: 144,
  planeWords: [32, 4, 1], // nibbles, 4 words per group; factors, 2 bytes per group; scale | minimum << 16
  codes: 'scale-minimum',
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) gatherNibbles(source, offset + 16 + 32 * (group >> 1), 4 * (group & 1), words, 4 * group);
    readFactors(source, offset + 4, words, 32);
    words[36] = source.getUint32(offset, true);
  },
  unpack(words, weights) {
    for (let group = 0; group < 8; group++) {
      const factors = (words[32 + (group >> 1)] >>> (16 * (group & 1))) & 0xffff;
      const scale = Math.fround(halfToFloat(words[36] & 0xffff) * (factors & 255));
      const minimum = Math.fround(halfToFloat(words[36] >>> 16) * (factors >> 8));
      for (let j = 0; j < 32; j++) weights[32 * group + j] = Math.fround(scale * nibbleAt(words, 4 * group, j)) - minimum;
    }
  },
};
