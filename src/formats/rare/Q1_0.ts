// Q1_0: 128 weights of one bit share an f16 scale, which is positive where the bit is set.
// GGUF block: scale, 16 bytes of bits in the order of the weights.
import shader from '../../../shaders/formats/rare/Q1_0.wgsl?raw';
import { bitAt, spreadBits } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';

export const format: Format = {
  name: 'Q1_0',
  ggmlType: 41,
  blockSize: 256, // two GGUF blocks, so that their scales fill a word
  blockBytes: 36,
  planeWords: [8, 1], // bits, 1 word per group; scale | scale << 16
  codes: 'scale',
  shader,
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) words[group] = spreadBits(source.getUint32(offset + 18 * (group >> 2) + 2 + 4 * (group & 3), true));
    words[8] = source.getUint16(offset, true) | (source.getUint16(offset + 18, true) << 16);
  },
  unpack(words, weights) {
    for (let j = 0; j < 256; j++) {
      const scale = halfToFloat((words[8] >>> (16 * (j >> 7))) & 0xffff);
      weights[j] = bitAt(words, j >> 5, j & 31) ? scale : -scale;
    }
  },
};
