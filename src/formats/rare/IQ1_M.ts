// IQ1_M: the grid of IQ1_S; 256 weights share an f16 scale, each 16 have a 3-bit factor, each 8 a sign.
// weight = (scale * (2 * factor + 1)) * (coordinate + or - 1/8).
// GGUF block: 32 bytes of indices, 16 of nibbles (three upper bits of an index, a sign), 4 times 16 bits: four factors and, at the
// top, four bits of the scale.
import shader from '../../../shaders/formats/rare/IQ1_M.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { gridWords } from './parts/grid.ts';
import { points, writeMoved } from './parts/iq1-grid.ts';
import { movedShader } from './parts/shaders.ts';

export const format: Format = {
  name: 'IQ1_M',
  ggmlType: 29,
  blockSize: 256,
  blockBytes: 56,
  planeWords: [8, 4, 2], // indices, 1 word per group; nibbles, half a word per group; factors and scale as they are
  codes: 'scales',
  grid: gridWords(points),
  shader: movedShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 14; i++) words[i] = source.getUint32(offset + 4 * i, true);
  },
  unpack(words, weights) {
    const half = ((words[12] >>> 12) & 15) | ((words[12] >>> 24) & 0xf0) | ((words[13] >>> 4) & 0xf00) | ((words[13] >>> 16) & 0xf000);
    for (let i = 0; i < 32; i++) {
      const nibble = (words[8 + (i >> 3)] >>> (4 * (i & 7))) & 15;
      const factor = (words[12 + (i >> 4)] >>> (16 * ((i >> 3) & 1) + 3 * ((i >> 1) & 3))) & 7;
      const index = ((words[i >> 2] >>> (8 * (i & 3))) & 255) | ((nibble & 7) << 8);
      writeMoved(index, nibble & 8 ? -1 : 1, halfToFloat(half) * (2 * factor + 1), weights, 8 * i);
    }
  },
};
