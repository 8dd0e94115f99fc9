// F32: plain floats.
import { type Format } from './format.ts';

export const format: Format = {
  name: 'F32',
  ggmlType: 0,
  blockSize: 32,
  blockBytes: 128,
  planeWords: [32],
  repack(source, offset, words) {
    for (let i = 0; i < 32; i++) words[i] = source.getUint32(offset + 4 * i, true);
  },
  unpack(words, weights) {
    weights.set(new Float32Array(words.buffer, words.byteOffset, 32));
  },
};
