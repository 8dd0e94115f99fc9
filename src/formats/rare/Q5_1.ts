// Q5_1: 32 weights share an f16 scale and an f16 minimum; weight = 5-bit code * scale + minimum.
// GGUF block: scale, minimum, 32 upper bits in the order of the weights, 16 bytes of nibbles (low nibbles are weights 0 to 15).
import shader from '../../../shaders/formats/rare/Q5_1.wgsl?raw';
import { bitAt, nibbleAt, spreadBits } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';

export const format: Format = {
  name: 'Q5_1',
  ggmlType: 7,
  blockSize: 32,
  blockBytes: 24,
  planeWords: [4, 1, 1], // nibbles as they are; upper bits; scale | minimum << 16
  codes: 'scale-minimum',
  shader,
  repack(source, offset, words) {
    for (let i = 0; i < 4; i++) words[i] = source.getUint32(offset + 8 + 4 * i, true);
    words[4] = spreadBits(source.getUint32(offset + 4, true));
    words[5] = source.getUint32(offset, true);
  },
  unpack(words, weights) {
    const scale = halfToFloat(words[5] & 0xffff);
    const minimum = halfToFloat(words[5] >>> 16);
    for (let j = 0; j < 32; j++) weights[j] = Math.fround((nibbleAt(words, 0, j) | (bitAt(words, 4, j) << 4)) * scale) + minimum;
  },
};
