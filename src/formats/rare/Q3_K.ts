// Q3_K: 256 weights share an f16 scale; each 16 have a 6-bit factor. weight = (3-bit code - 4) * (scale * (factor - 32)).
// GGUF block: 32 bytes of upper bits (bit g of each: group g), 64 bytes of lower bit pairs (32 bytes hold four groups),
// 12 bytes of factors (8 bytes of nibbles, 4 bytes of upper bit pairs), scale.
import shader from '../../../shaders/formats/rare/Q3_K.wgsl?raw';
import { bitAt, gatherBits, gatherPairs, packSixes, pairAt, sixAt } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';

export const format: Format = {
  name: 'Q3_K',
  ggmlType: 11,
  blockSize: 256,
  blockBytes: 110,
  // Bit pairs, 2 words per group; upper bits flipped (so codes are code - 4 in two's complement), 1 word per group; scale and
  // three words of factors.
  planeWords: [16, 8, 4],
  codes: 'scales',
  shader,
  repack(source, offset, words) {
    const factors = new Uint8Array(16);
    for (let i = 0; i < 16; i++) {
      const low = source.getUint8(offset + 96 + (i & 7)) >> (4 * (i >> 3));
      const upper = source.getUint8(offset + 104 + (i & 3)) >> (2 * (i >> 2));
      factors[i] = (low & 15) | ((upper & 3) << 4);
    }
    for (let group = 0; group < 8; group++) {
      gatherPairs(source, offset + 32 + 32 * (group >> 2), 2 * (group & 3), words, 2 * group);
      words[16 + group] = ~gatherBits(source, offset, group);
    }
    words[24] = source.getUint16(offset + 108, true);
    packSixes(factors, words, 25);
  },
  unpack(words, weights) {
    for (let i = 0; i < 16; i++) {
      const scale = Math.fround(halfToFloat(words[24]) * (sixAt(words, 25, i) - 32));
      const group = i >> 1;
      for (let j = 16 * (i & 1); j < 16 * (i & 1) + 16; j++) {
        weights[32 * group + j] = scale * (pairAt(words, 2 * group, j) - (bitAt(words, 16 + group, j) << 2));
      }
    }
  },
};
