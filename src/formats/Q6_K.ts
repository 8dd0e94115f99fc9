// Q6_K: 256 weights share an f16 scale; each 16 have a signed byte as a factor. weight = (scale * factor) * (code - 32).
// GGUF block: 128 bytes of low nibbles, 64 bytes of upper bits, 16 factors, scale. Each half of the block has 64 bytes of
// nibbles (32 bytes hold groups j and j + 2) and 32 bytes of upper bits (all four groups).
import { gatherNibbles, gatherPairs, nibbleAt, pairAt } from './bits.ts';
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

export const format: Format = {
  name: 'Q6_K',
  ggmlType: 14,
  blockSize: 256,
  blockBytes: 210,
  // Nibbles, 4 words per group; upper bit pairs with the top one flipped (so codes are code - 32 in two's complement), 2 words
  // per group; factors; scale.
  planeWords: [32, 16, 4, 1],
  codes: 'scales',
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) {
      const half = group >> 2;
      gatherNibbles(source, offset + 64 * half + 32 * (group & 1), 4 * ((group >> 1) & 1), words, 4 * group);
      gatherPairs(source, offset + 128 + 32 * half, 2 * (group & 3), words, 32 + 2 * group);
      words[32 + 2 * group] ^= 0xaaaaaaaa;
      words[33 + 2 * group] ^= 0xaaaaaaaa;
    }
    for (let i = 0; i < 4; i++) words[48 + i] = source.getUint32(offset + 192 + 4 * i, true);
    words[52] = source.getUint16(offset + 208, true);
  },
  unpack(words, weights) {
    const scale = halfToFloat(words[52]);
    for (let i = 0; i < 16; i++) {
      const factor = (words[48 + (i >> 2)] << (24 - 8 * (i & 3))) >> 24;
      const step = Math.fround(scale * factor);
      const group = i >> 1;
      for (let j = 16 * (i & 1); j < 16 * (i & 1) + 16; j++) {
        const upper = (pairAt(words, 32 + 2 * group, j) ^ 2) - 2;
        weights[32 * group + j] = step * (nibbleAt(words, 4 * group, j) + 16 * upper);
      }
    }
  },
};
