// Q2_K: 256 weights share an f16 scale and an f16 minimum; each 16 have a byte with a 4-bit factor for both.
// weight = code * (scale * factor) - minimum * factor, with codes of two bits.
// GGUF block: 16 bytes of factors (low nibble: scale), 64 bytes of codes (32 bytes hold four groups), scale, minimum.
import shader from '../../../shaders/formats/rare/Q2_K.wgsl?raw';
import { gatherPairs, pairAt } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';

export const format: Format = {
  name: 'Q2_K',
  ggmlType: 10,
  blockSize: 256,
  blockBytes: 84,
  planeWords: [16, 4, 1], // codes, 2 words per group; factors as they are; scale | minimum << 16
  codes: 'scales-minimums',
  shader,
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) gatherPairs(source, offset + 16 + 32 * (group >> 2), 2 * (group & 3), words, 2 * group);
    for (let i = 0; i < 4; i++) words[16 + i] = source.getUint32(offset + 4 * i, true);
    words[20] = source.getUint32(offset + 80, true);
  },
  unpack(words, weights) {
    for (let i = 0; i < 16; i++) {
      const factors = (words[16 + (i >> 2)] >>> (8 * (i & 3))) & 255;
      const scale = Math.fround(halfToFloat(words[20] & 0xffff) * (factors & 15));
      const minimum = Math.fround(halfToFloat(words[20] >>> 16) * (factors >> 4));
      for (let j = 16 * i; j < 16 * i + 16; j++) weights[j] = Math.fround(scale * pairAt(words, 2 * (i >> 1), j & 31)) - minimum;
    }
  },
};
