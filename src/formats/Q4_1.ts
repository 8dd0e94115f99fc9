// Q4_1: 32 weights share an f16 scale and an f16 minimum; weight = quant * scale + minimum.
// GGUF block: scale, minimum, 16 bytes of nibbles (low nibbles are weights 0 to 15, high ones 16 to 31).
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

export const format: Format = {
  name: 'Q4_1',
  ggmlType: 3,
  blockSize: 32,
  blockBytes: 20,
  planeWords: [4, 1], // nibbles as they are; scale | minimum << 16
  codes: 'scale-minimum',
  repack(source, offset, words) {
    for (let i = 0; i < 4; i++) words[i] = source.getUint32(offset + 4 + 4 * i, true);
    words[4] = source.getUint32(offset, true);
  },
  unpack(words, weights) {
    const scale = halfToFloat(words[4] & 0xffff);
    const minimum = halfToFloat(words[4] >>> 16);
    for (let i = 0; i < 16; i++) {
      const byte = words[i >> 2] >>> (8 * (i & 3));
      weights[i] = Math.fround(Math.fround((byte & 15) * scale) + minimum);
      weights[i + 16] = Math.fround(Math.fround(((byte >>> 4) & 15) * scale) + minimum);
    }
  },
};
