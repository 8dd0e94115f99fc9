// IQ3_S: 256 weights share an f16 scale, each 32 have a 4-bit factor, each 4 are one of 512 points of a grid with signs.
// weight = (scale * (1 + 2 * factor)) * coordinate.
// GGUF block: scale, 64 bytes of indices, 8 with their upper bits, 32 of signs, 4 of factors.
import shader from '../../../shaders/formats/rare/IQ3_S.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { gridOf, gridWords } from './parts/grid.ts';
import { foursShader } from './parts/shaders.ts';
import { writePoint } from './parts/signs.ts';

/** `iq3s_grid` in ggml-common.h. */
const points = gridOf(
  [1, 3, 5, 7, 9, 11, 13, 15],
  4,
  'p1cjCKUKBZIXI4kiEAAiBKNJIhGkCgAJCCIFShAFgCIBiBIECQIAARQARQiiAEAIQAoAAgAEAAIVAEUIABEAABerBVIAUAIESxECCQIFAEEBpBEECSABBJIJghECAAQBKBQACkQRAAACCQIFAAIAAA' +
  'AAkQBQAAAACgUCIAIABAGrVYoFKgWAKQWJJBIEAgAAkgAKgQKIABIlAhQKBAFAAIIACSQCAAAkEAIEgAEIAAGFAAIAACACACACQAEIAQAABKoEKpQCCAIqEAoAAQABRAEEARQAAQAAAhGKAYogAAgI' +
  'QgQCAAQRAAIFIAQQQAAIAEAAAAIAAAAKAAUgAAAAABEEkQQCAQABhAoEIQgiAAAKIQIIAYAEARAKBSIAAAAABQAQgAEAAAKgAAIAAAAEAAAIABAAAAEAACEAAQgCAAAEEQQAkQRAECoEAgQAAAAEAQ' +
  'IIQQAIAACEAYAAEAIgCBIAAQRAAAAAAARAAAAKAAAAAAAABAAAABQABAAAAAAAACoACgAAAQABAIEAAAAQAAAEABAEIAQBARACAAEAAAAAACAACAAEAAkAABAAAAEAIAAAAAEAAAAACgAAAAAAAJEA' +
  'BUABEAQABAIQACgAAAASQQIBAAIAAAQAACQACAAAIggBAAABAAAAAAQABAAAAAQAAAIAAAAAAQAAAAAAAAA',
);

export const format: Format = {
  name: 'IQ3_S',
  ggmlType: 21,
  blockSize: 256,
  blockBytes: 110,
  planeWords: [16, 8, 4], // indices, 2 words per group; signs, 1 word per group; upper bits, a byte per group, then factors, then scale
  codes: 'scale',
  grid: gridWords(points),
  shader: foursShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 16; i++) words[i] = source.getUint32(offset + 2 + 4 * i, true);
    for (let i = 0; i < 8; i++) words[16 + i] = source.getUint32(offset + 74 + 4 * i, true);
    for (let i = 0; i < 2; i++) words[24 + i] = source.getUint32(offset + 66 + 4 * i, true);
    words[26] = source.getUint32(offset + 106, true);
    words[27] = source.getUint16(offset, true);
  },
  unpack(words, weights) {
    for (let i = 0; i < 64; i++) {
      const group = i >> 3;
      const low = (words[i >> 2] >>> (8 * (i & 3))) & 255;
      const upper = (words[24 + (group >> 2)] >>> (8 * (group & 3) + (i & 7))) & 1;
      const scale = halfToFloat(words[27]) * (1 + 2 * ((words[26] >>> (4 * group)) & 15));
      writePoint(points, 4, low | (upper << 8), words[16 + group] >>> (4 * (i & 7)), scale, weights, 4 * i);
    }
  },
};
