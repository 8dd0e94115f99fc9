// IQ4_NL: as Q4_0, but a nibble chooses one of 16 unevenly spaced values; weight = value * scale.
// GGUF block: scale, 16 bytes of nibbles (low nibbles are weights 0 to 15, high ones 16 to 31).
import shader from '../../../shaders/formats/rare/IQ4_NL.wgsl?raw';
import { nibbleAt } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { nonlinearShader, nonlinearTableShader } from './parts/shaders.ts';
import { nonlinearValues } from './parts/values.ts';

export const format: Format = {
  name: 'IQ4_NL',
  ggmlType: 20,
  blockSize: 64, // two GGUF blocks, so that their scales fill a word
  blockBytes: 36,
  planeWords: [8, 1], // nibbles as they are; scale | scale << 16
  shader: nonlinearShader + shader,
  tableShader: nonlinearTableShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 4; i++) {
      words[i] = source.getUint32(offset + 2 + 4 * i, true);
      words[4 + i] = source.getUint32(offset + 20 + 4 * i, true);
    }
    words[8] = source.getUint16(offset, true) | (source.getUint16(offset + 18, true) << 16);
  },
  unpack(words, weights) {
    for (let group = 0; group < 2; group++) {
      const scale = halfToFloat((words[8] >>> (16 * group)) & 0xffff);
      for (let j = 0; j < 32; j++) weights[32 * group + j] = nonlinearValues[nibbleAt(words, 4 * group, j)] * scale;
    }
  },
};
