// Q5_0: 32 weights share an f16 scale; weight = (5-bit code - 16) * scale.
// GGUF block: scale, 32 upper bits in the order of the weights, 16 bytes of nibbles (low nibbles are weights 0 to 15).
import { bitAt, nibbleAt, spreadBits } from './bits.ts';
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

export const format: Format = {
  name: 'Q5_0',
  ggmlType: 6,
  blockSize: 64, // two GGUF blocks, so that their scales fill a word
  blockBytes: 44,
  planeWords: [8, 2, 1], // nibbles as they are; upper bits flipped (so codes are code - 16 in two's complement), 1 word per group; scale | scale << 16
  codes: 'scale',
  repack(source, offset, words) {
    for (let group = 0; group < 2; group++) {
      const start = offset + 22 * group;
      for (let i = 0; i < 4; i++) words[4 * group + i] = source.getUint32(start + 6 + 4 * i, true);
      words[8 + group] = ~spreadBits(source.getUint32(start + 2, true));
    }
    words[10] = source.getUint16(offset, true) | (source.getUint16(offset + 22, true) << 16);
  },
  unpack(words, weights) {
    for (let group = 0; group < 2; group++) {
      const scale = halfToFloat((words[10] >>> (16 * group)) & 0xffff);
      for (let j = 0; j < 32; j++) weights[32 * group + j] = (nibbleAt(words, 4 * group, j) - (bitAt(words, 8 + group, j) << 4)) * scale;
    }
  },
};
