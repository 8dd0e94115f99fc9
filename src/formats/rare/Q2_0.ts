// Q2_0: 64 weights of two bits share an f16 scale; weight = (code - 1) * scale.
// GGUF block: scale, 16 bytes of codes in the order of the weights.
import shader from '../../../shaders/formats/rare/Q2_0.wgsl?raw';
import { pairAt } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { pairsShader } from './parts/shaders.ts';

/** Pair p of byte b becomes pair b of byte p, as bits.ts has pairs. */
function transposePairs(word: number): number {
  let turned = 0;
  for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) turned |= ((word >>> (8 * i + 2 * j)) & 3) << (8 * j + 2 * i);
  return turned;
}

export const format: Format = {
  name: 'Q2_0',
  ggmlType: 42,
  blockSize: 128, // two GGUF blocks, so that their scales fill a word
  blockBytes: 36,
  planeWords: [8, 1], // codes, 2 words per group; scale | scale << 16
  codes: 'scale',
  shader: pairsShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 8; i++) words[i] = transposePairs(source.getUint32(offset + 18 * (i >> 2) + 2 + 4 * (i & 3), true));
    words[8] = source.getUint16(offset, true) | (source.getUint16(offset + 18, true) << 16);
  },
  unpack(words, weights) {
    for (let j = 0; j < 128; j++) {
      const scale = halfToFloat((words[8] >>> (16 * (j >> 6))) & 0xffff);
      weights[j] = (pairAt(words, 2 * (j >> 5), j & 31) - 1) * scale;
    }
  },
};
