// Q8_0: 32 weights share an f16 scale; weight = signed byte * scale.
// GGUF block: scale, 32 signed bytes.
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

export const format: Format = {
  name: 'Q8_0',
  ggmlType: 8,
  blockSize: 64, // two GGUF blocks, so that their scales fill a word
  blockBytes: 68,
  planeWords: [16, 1], // bytes as they are; scale | scale << 16
  codes: 'scale',
  repack(source, offset, words) {
    for (let i = 0; i < 8; i++) {
      words[i] = source.getUint32(offset + 2 + 4 * i, true);
      words[8 + i] = source.getUint32(offset + 36 + 4 * i, true);
    }
    words[16] = source.getUint16(offset, true) | (source.getUint16(offset + 34, true) << 16);
  },
  unpack(words, weights) {
    for (let group = 0; group < 2; group++) {
      const scale = halfToFloat((words[16] >>> (16 * group)) & 0xffff);
      for (let j = 0; j < 32; j++) weights[32 * group + j] = ((words[8 * group + (j >> 2)] << (24 - 8 * (j & 3))) >> 24) * scale;
    }
  },
};
