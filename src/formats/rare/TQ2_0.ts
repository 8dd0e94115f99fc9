// TQ2_0: 256 ternary weights of two bits share an f16 scale; weight = (code - 1) * scale.
// GGUF block: 64 bytes of codes (32 bytes hold four groups), scale.
import shader from '../../../shaders/formats/rare/TQ2_0.wgsl?raw';
import { gatherPairs, pairAt } from '../bits.ts';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { pairsShader } from './parts/shaders.ts';

export const format: Format = {
  name: 'TQ2_0',
  ggmlType: 35,
  blockSize: 256,
  blockBytes: 66,
  planeWords: [16, 1], // codes, 2 words per group; scale
  codes: 'scale',
  shader: pairsShader + shader,
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) gatherPairs(source, offset + 32 * (group >> 2), 2 * (group & 3), words, 2 * group);
    words[16] = source.getUint16(offset + 64, true);
  },
  unpack(words, weights) {
    const scale = halfToFloat(words[16]);
    for (let j = 0; j < 256; j++) weights[j] = (pairAt(words, 2 * (j >> 5), j & 31) - 1) * scale;
  },
};
