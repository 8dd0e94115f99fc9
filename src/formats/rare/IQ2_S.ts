// IQ2_S: 256 weights share an f16 scale, each 16 have a 4-bit factor, each 8 are one of 1024 points of a grid with signs.
// weight = (scale * (factor + 1/2) / 4) * coordinate.
// GGUF block: scale, 32 bytes of indices, 32 of signs, 8 with upper bit pairs of the indices, 8 of factors (low nibble: the first
// 16 weights of 32).
import shader from '../../../shaders/formats/rare/IQ2_S.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { gridOf, gridWords } from './parts/grid.ts';
import { eightsShader } from './parts/shaders.ts';
import { writePoint } from './parts/signs.ts';

/** `iq2s_grid` in ggml-common.h. */
const points = gridOf(
  [8, 25, 43],
  8,
  'VVVVUVVFVRUFEVVVUVBFVRQFFRRUURBQVQQAEREQUFVFVVVVFVRFUVBVVRRVVRRUURBAVQQAURQEUBAAQBVVEVVVURABAUAFVQREURBAQAAAARQQBRAAAABAAFRVUVFFVRUVURRUVVVFVRUFVRQAUB' +
  'RBQQQFABQEAFBFVRRVVRRUURBAVRUFVRQEUBAAQBQFARQEABAAAEBVUQRUURBAAQAAVRQEUBAAEAAABBAEABAABAAAAABUURVRQQUEAREAVFBBQAUFARQEABAQAFEEAQAABQBEVRQFVRQEUBAAQBQF' +
  'ARQEABEAAAAFAQAEAAQAAAAAERQAUBAAAEAAABUEAAAAAAAAEAAABEAAAAAEQAEAUFVVRVVVFRREUVBFVQVVVRRUURBAQRUEURQEUAAAQFVVVVRVUVBFQQBVVRRUURBQQQAAVRQEUBAAQAAAEBRVUV' +
  'BFQQAEAQBUURBAQQAAAUAAUBAAQAAAAAAAAFBFVRVVVRRUUQBAVRUFVRQEUBAAQBQFARQEABQAAABVVRRUURBAQQAAVRQEUBAAQAAAABQEABEAAAAAAABUURBAQUAAAQAAUBAAQAAAAAAAABAAEAAA' +
  'AABAAABERRUFURQEQBAAQBUFARQEABAAEAAEAQAEAAEAAAABURQEUBAAQAAAABQEABAQABAABAAEAAAAAAAAABAAUBAAAAAAEAAAARAAAEAAAAAAAAAAAAAABAAAAABAQBVFERRUERBBAQBFVRRUUQ' +
  'BAQQBAERUAUBAAAAAAAFRVEVBFQQAFAQBUURBAQQAAAQEAUBAAUAAAAAAAABBBAQAFAQAAAEBAAQAAAQBAAAAAAAAABAAABUAAAAFFVRBUURBAQQAAERQAUBAQAAAAABQEABAAAAAAAEBUURBAQQAA' +
  'AUAAUBAAQAAAAAAAERAAAAAQABAAAABAQQAQAQAAAAAAUAAAAAARAAAAAAAAAAAAAAAAQAAAEREQVBAAAAAABAEAABAAAAQAAAAQBEAUAAAARAEAURAAQAAAAAABQBAAEAAAAAAAAAAAAAAAAAQAAA' +
  'AAAEAAQAAAAAAAAAEAAAAAQAAABAAAQAEUAQAAABAAAAE',
);

export const format: Format = {
  name: 'IQ2_S',
  ggmlType: 22,
  blockSize: 256,
  blockBytes: 82,
  planeWords: [16, 4, 1], // indices, then signs, a word of each per group; upper bit pairs and factors, a byte of each per group; scale
  codes: 'scales',
  grid: gridWords(points),
  shader: eightsShader + shader,
  repack(source, offset, words) {
    for (let group = 0; group < 8; group++) {
      words[2 * group] = source.getUint32(offset + 2 + 4 * group, true);
      words[2 * group + 1] = source.getUint32(offset + 34 + 4 * group, true);
    }
    for (let i = 0; i < 4; i++) words[16 + i] = source.getUint32(offset + 66 + 4 * i, true);
    words[20] = source.getUint16(offset, true);
  },
  unpack(words, weights) {
    for (let i = 0; i < 32; i++) {
      const group = i >> 2;
      const [low, signs] = [0, 1].map((n) => (words[2 * group + n] >>> (8 * (i & 3))) & 255);
      const upper = (words[16 + (group >> 2)] >>> (8 * (group & 3) + 2 * (i & 3))) & 3;
      const factor = (words[18 + (i >> 4)] >>> (4 * ((i >> 1) & 7))) & 15;
      writePoint(points, 8, low | (upper << 8), signs, halfToFloat(words[20]) * (0.5 + factor) * 0.25, weights, 8 * i);
    }
  },
};
