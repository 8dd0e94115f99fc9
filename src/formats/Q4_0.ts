// Q4_0: 32 weights share an f16 scale; weight = (nibble - 8) * scale.
// GGUF block: scale, 16 bytes of nibbles (low nibbles are weights 0 to 15, high ones 16 to 31).
import { nibbleAt } from './bits.ts';
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

export const format: Format = {
  name: 'Q4_0',
  ggmlType: 2,
  blockSize: 64, // two GGUF blocks, so that their scales fill a word
  blockBytes: 36,
  planeWords: [8, 1], // nibbles as two's complement (code - 8); scale | scale << 16
  codes: 'scale',
  repack(source, offset, words) {
    for (let i = 0; i < 4; i++) {
      words[i] = source.getUint32(offset + 2 + 4 * i, true) ^ 0x88888888;
      words[4 + i] = source.getUint32(offset + 20 + 4 * i, true) ^ 0x88888888;
    }
    words[8] = source.getUint16(offset, true) | (source.getUint16(offset + 18, true) << 16);
  },
  unpack(words, weights) {
    for (let group = 0; group < 2; group++) {
      const scale = halfToFloat((words[8] >>> (16 * group)) & 0xffff);
      for (let j = 0; j < 32; j++) weights[32 * group + j] = ((nibbleAt(words, 4 * group, j) ^ 8) - 8) * scale;
    }
  },
};
