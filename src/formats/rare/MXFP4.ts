// MXFP4 (OCP Microscaling): 32 four-bit floats (E2M1) share a power of two (E8M0). ggml doubles the values to make them
// integers and halves the scale: weight = value * 2^(exponent - 128).
// GGUF block: exponent, 16 bytes of nibbles (low nibbles are weights 0 to 15, high ones 16 to 31).
import shader from '../../../shaders/formats/rare/MXFP4.wgsl?raw';
import { nibbleAt } from '../bits.ts';
import { type Format } from '../format.ts';
import { doubledFloats } from './parts/values.ts';

export const format: Format = {
  name: 'MXFP4',
  ggmlType: 39,
  blockSize: 128, // four GGUF blocks, so that their exponents fill a word
  blockBytes: 68,
  planeWords: [16, 1], // nibbles as they are, 4 words per group; four exponents
  shader,
  repack(source, offset, words) {
    words[16] = 0;
    for (let group = 0; group < 4; group++) {
      const start = offset + 17 * group;
      for (let i = 0; i < 4; i++) words[4 * group + i] = source.getUint32(start + 1 + 4 * i, true);
      words[16] |= source.getUint8(start) << (8 * group);
    }
  },
  unpack(words, weights) {
    for (let group = 0; group < 4; group++) {
      const scale = 2 ** (((words[16] >>> (8 * group)) & 255) - 128);
      for (let j = 0; j < 32; j++) weights[32 * group + j] = doubledFloats[nibbleAt(words, 4 * group, j)] * scale;
    }
  },
};
