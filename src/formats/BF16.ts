// BF16: the upper halves of f32, two weights to a word.
import { type Format } from './format.ts';

export const format: Format = {
  name: 'BF16',
  ggmlType: 30,
  blockSize: 32,
  blockBytes: 64,
  planeWords: [16],
  repack(source, offset, words) {
    for (let i = 0; i < 16; i++) words[i] = source.getUint32(offset + 4 * i, true);
  },
  unpack(words, weights) {
    const bits = new Uint32Array(weights.buffer, weights.byteOffset, 32);
    for (let i = 0; i < 16; i++) {
      bits[2 * i] = words[i] << 16;
      bits[2 * i + 1] = words[i] & 0xffff0000;
    }
  },
};
