// IQ4_XS: the values of IQ4_NL; 256 weights share an f16 scale, each 32 have a 6-bit factor.
// weight = value * (scale * (factor - 32)).
// GGUF block: scale, 16 bits with the factors' upper bit pairs, 4 bytes with their nibbles, 8 times 16 bytes of nibbles.
import shader from '../../../shaders/formats/rare/IQ4_XS.wgsl?raw';
import { nibbleAt } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { nonlinearShader, nonlinearTableShader } from './parts/shaders.ts';
import { nonlinearValues } from './parts/values.ts';

export const format: Format = {
  name: 'IQ4_XS',
  ggmlType: 23,
  blockSize: 256,
  blockBytes: 136,
  planeWords: [32, 2], // nibbles as they are, 4 words per group; scale | upper pairs << 16, nibbles of the factors
  shader: nonlinearShader + shader,
  tableShader: nonlinearTableShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 32; i++) words[i] = source.getUint32(offset + 8 + 4 * i, true);
    words[32] = source.getUint32(offset, true);
    words[33] = source.getUint32(offset + 4, true);
  },
  unpack(words, weights) {
    for (let group = 0; group < 8; group++) {
      const factor = ((words[33] >>> (4 * group)) & 15) | (((words[32] >>> (16 + 2 * group)) & 3) << 4);
      const scale = Math.fround(halfToFloat(words[32] & 0xffff) * (factor - 32));
      for (let j = 0; j < 32; j++) weights[32 * group + j] = scale * nonlinearValues[nibbleAt(words, 4 * group, j)];
    }
  },
};
