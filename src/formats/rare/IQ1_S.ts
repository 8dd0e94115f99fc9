// IQ1_S: 256 weights share an f16 scale; each 32 have a 3-bit factor and a sign, each 8 are one of 2048 points of a grid.
// weight = (scale * (2 * factor + 1)) * (coordinate + or - 1/8).
// GGUF block: scale, 32 bytes of indices, 8 times 16 bits: four times 3 upper bits of indices, the factor, the sign.
import shader from '../../../shaders/formats/rare/IQ1_S.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { gridWords } from './parts/grid.ts';
import { points, writeMoved } from './parts/iq1-grid.ts';
import { movedShader } from './parts/shaders.ts';

export const format: Format = {
  name: 'IQ1_S',
  ggmlType: 19,
  blockSize: 256,
  blockBytes: 50,
  planeWords: [8, 4, 1], // indices, 1 word per group; the rest as it is, half a word per group; scale
  codes: 'scale',
  grid: gridWords(points),
  shader: movedShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 12; i++) words[i] = source.getUint32(offset + 2 + 4 * i, true);
    words[12] = source.getUint16(offset, true);
  },
  unpack(words, weights) {
    for (let group = 0; group < 8; group++) {
      const rest = (words[8 + (group >> 1)] >>> (16 * (group & 1))) & 0xffff;
      const scale = halfToFloat(words[12]) * (2 * ((rest >> 12) & 7) + 1);
      for (let i = 0; i < 4; i++) {
        const index = ((words[group] >>> (8 * i)) & 255) | (((rest >> (3 * i)) & 7) << 8);
        writeMoved(index, rest & 0x8000 ? -1 : 1, scale, weights, 32 * group + 8 * i);
      }
    }
  },
};
