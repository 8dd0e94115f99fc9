// IQ3_XXS: 256 weights share an f16 scale, each 32 have a 4-bit factor and signs as in IQ2_XXS, each 4 are one of 256 points of a grid.
// weight = (scale * (factor + 1/2) / 2) * coordinate.
// GGUF block: scale, 64 bytes of indices, 8 words: four times 7 bits of signs, then the factor.
import shader from '../../../shaders/formats/rare/IQ3_XXS.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { gridOf, gridWords } from './parts/grid.ts';
import { foursShader } from './parts/shaders.ts';
import { eightSigns, writePoint } from './parts/signs.ts';

/** `iq3xxs_grid` in ggml-common.h. */
const points = gridOf(
  [4, 12, 20, 28, 36, 44, 52, 62],
  4,
  'FYoFAgQAACgKBSIFAhAAARUCBYoAggAgggUgAAAAAAEACACAEIAAKIIAAAQABAAAAAAAIAAAEAAAUQAACAACAAoFChWAAQAABQIFAAAAAAAKBQIBAAAABAUAAQJAAEAAIgAAAAABAAAAABEAQAAAAi' +
  'AAAAAAAAAAAAAEAAEAAAAFCkUCBAAAACoFAgEAAIgBBYIFgAEgAAACEQAAAAAAEQAAACAACAAACACAAAIAABAAAAAAAAAAAApAAAAgAAAAAgUKAAABIAQFAAECUAAAAAoBIAAABAAEAAIACAAAAAAA' +
  'AAABgAAABEEABAAAIAAAABAAQAAACAAAAAAIAAABABCAAKAAiAAAAAAAAAAAABAAAAGAAQBBAIAAAAAgAAAAEAAAAAACEAAAACAACAAAAQAAAAAAAAAAIAUAAQAAAAAABAAAAgAAAUEAQAAAIAAAAB' +
  'AABAAAAAQEAAAAAAgAAAABiAAAAAAEBAAAAgAAAAAAAAAAAAEAAAAAEAAEAAAAAAAQAFAAEAAAAAIAAAACAACAAAAAABAAAAAAQQAAAAAAAAAAEAAAACAAAAAABAAAAAAACAAAAAAIAAIAAAAAAKgB' +
  'AAQABAAAAABAAAEAAAAABAAAIAQAAAEgAAgAAAEAAAACAAIAAAAFABAAAAAAAAAAAAEAAAAAAAAAAAAAAAA',
);

export const format: Format = {
  name: 'IQ3_XXS',
  ggmlType: 18,
  blockSize: 256,
  blockBytes: 98,
  planeWords: [16, 8, 1], // indices, 2 words per group; signs and factor, 1 word per group; scale
  codes: 'scale',
  grid: gridWords(points),
  shader: foursShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 24; i++) words[i] = source.getUint32(offset + 2 + 4 * i, true);
    words[24] = source.getUint16(offset, true);
  },
  unpack(words, weights) {
    for (let i = 0; i < 64; i++) {
      const signs = words[16 + (i >> 3)];
      const eight = eightSigns((signs >>> (7 * ((i >> 1) & 3))) & 127);
      const scale = halfToFloat(words[24]) * (0.5 + (signs >>> 28)) * 0.5;
      writePoint(points, 4, (words[i >> 2] >>> (8 * (i & 3))) & 255, eight >> (4 * (i & 1)), scale, weights, 4 * i);
    }
  },
};
