// Q4_K: 256 weights share an f16 scale and an f16 minimum; each 32 have 6-bit factors for both.
// weight = nibble * (scale * factor) - minimum * factor.
// GGUF block: scale, minimum, 12 bytes of factors, 128 bytes of nibbles (32 bytes hold two groups: low nibbles, high nibbles).
import { gatherNibbles, nibbleAt, packSixes, sixAt } from './bits.ts';
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

/** The 8 scale factors and 8 minimum factors of a Q4_K or Q5_K block, alternating (`get_scale_min_k4` in ggml-quants.c). */
export function readFactors(source: DataView, offset: number): Uint8Array {
  const factors = new Uint8Array(16);
  for (let i = 0; i < 4; i++) {
    const scale = source.getUint8(offset + i);
    const minimum = source.getUint8(offset + 4 + i);
    const rest = source.getUint8(offset + 8 + i);
    factors[2 * i] = scale & 63;
    factors[2 * i + 1] = minimum & 63;
    factors[2 * i + 8] = (rest & 15) | ((scale >> 6) << 4);
    factors[2 * i + 9] = (rest >> 4) | ((minimum >> 6) << 4);
  }
  return factors;
}

export const format: Format = {
  name: 'Q4_K',
  ggmlType: 12,
  blockSize: 256,
  blockBytes: 144,
  planeWords: [32, 4], // nibbles, 4 words per group; scale | minimum << 16 and three words of factors
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) gatherNibbles(source, offset + 16 + 32 * (group >> 1), 4 * (group & 1), words, 4 * group);
    words[32] = source.getUint32(offset, true);
    packSixes(readFactors(source, offset + 4), words, 33);
  },
  unpack(words, weights) {
    for (let group = 0; group < 8; group++) {
      const scale = Math.fround(halfToFloat(words[32] & 0xffff) * sixAt(words, 33, 2 * group));
      const minimum = Math.fround(halfToFloat(words[32] >>> 16) * sixAt(words, 33, 2 * group + 1));
      for (let j = 0; j < 32; j++) weights[32 * group + j] = Math.fround(scale * nibbleAt(words, 4 * group, j)) - minimum;
    }
  },
};
