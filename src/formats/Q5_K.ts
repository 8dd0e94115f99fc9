// Q5_K: Q4_K with one more bit. weight = 5-bit code * (scale * factor) - minimum * factor.
// GGUF block: scale, minimum, 12 bytes of factors, 32 bytes of upper bits (bit g of each: group g), 128 bytes of nibbles.
import { bitAt, gatherBits, gatherNibbles, nibbleAt } from './bits.ts';
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';
import { readFactors } from './Q4_K.ts';

export const format: Format = {
  name: 'Q5_K',
  ggmlType: 13,
  blockSize: 256,
  blockBytes: 176,
  planeWords: [32, 8, 4, 1], // nibbles, 4 words per group; upper bits, 1 word per group; factors, 2 bytes per group; scale | minimum << 16
  codes: 'scale-minimum',
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) {
      gatherNibbles(source, offset + 48 + 32 * (group >> 1), 4 * (group & 1), words, 4 * group);
      words[32 + group] = gatherBits(source, offset + 16, group);
    }
    readFactors(source, offset + 4, words, 40);
    words[44] = source.getUint32(offset, true);
  },
  unpack(words, weights) {
    for (let group = 0; group < 8; group++) {
      const factors = (words[40 + (group >> 1)] >>> (16 * (group & 1))) & 0xffff;
      const scale = Math.fround(halfToFloat(words[44] & 0xffff) * (factors & 255));
      const minimum = Math.fround(halfToFloat(words[44] >>> 16) * (factors >> 8));
      for (let j = 0; j < 32; j++) {
        const code = nibbleAt(words, 4 * group, j) | (bitAt(words, 32 + group, j) << 4);
        weights[32 * group + j] = Math.fround(scale * code) - minimum;
      }
    }
  },
};
