// Q5_K: Q4_K with one more bit. weight = 5-bit code * (scale * factor) - minimum * factor.
// GGUF block: scale, minimum, 12 bytes of factors, 32 bytes of upper bits (bit g of each: group g), 128 bytes of nibbles.
import { bitAt, gatherBits, gatherNibbles, nibbleAt, packSixes, sixAt } from './bits.ts';
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';
import { readFactors } from './Q4_K.ts';

export const format: Format = {
  name: 'Q5_K',
  ggmlType: 13,
  blockSize: 256,
  blockBytes: 176,
  planeWords: [32, 8, 4], // nibbles, 4 words per group; upper bits, 1 word per group; scale | minimum << 16 and three words of factors
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) {
      gatherNibbles(source, offset + 48 + 32 * (group >> 1), 4 * (group & 1), words, 4 * group);
      words[32 + group] = gatherBits(source, offset + 16, group);
    }
    words[40] = source.getUint32(offset, true);
    packSixes(readFactors(source, offset + 4), words, 41);
  },
  unpack(words, weights) {
    for (let group = 0; group < 8; group++) {
      const scale = Math.fround(halfToFloat(words[40] & 0xffff) * sixAt(words, 41, 2 * group));
      const minimum = Math.fround(halfToFloat(words[40] >>> 16) * sixAt(words, 41, 2 * group + 1));
      for (let j = 0; j < 32; j++) {
        const code = nibbleAt(words, 4 * group, j) | (bitAt(words, 32 + group, j) << 4);
        weights[32 * group + j] = Math.fround(scale * code) - minimum;
      }
    }
  },
};
