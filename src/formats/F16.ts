// F16: IEEE half precision, two weights to a word.
import { type Format } from './format.ts';
import { halfToFloat } from './half.ts';

export const format: Format = {
  name: 'F16',
  ggmlType: 1,
  blockSize: 32,
  blockBytes: 64,
  planeWords: [16],
  repack(source, offset, words) {
    for (let i = 0; i < 16; i++) words[i] = source.getUint32(offset + 4 * i, true);
  },
  unpack(words, weights) {
    for (let j = 0; j < 32; j++) weights[j] = halfToFloat((words[j >> 1] >>> (16 * (j & 1))) & 0xffff);
  },
};
