// IQ2_XXS: 256 weights share an f16 scale, each 32 have a 4-bit factor, each 8 are one of 256 points of a grid with signs.
// weight = (scale * (factor + 1/2) / 4) * coordinate.
// GGUF block: scale, 8 times two words: four indices of a byte; four times 7 bits of signs, then the factor.
import shader from '../../../shaders/formats/rare/IQ2_XXS.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { gridOf, gridWords } from './parts/grid.ts';
import { eightsShader } from './parts/shaders.ts';
import { eightSigns, writePoint } from './parts/signs.ts';

/** `iq2xxs_grid` in ggml-common.h. */
const points = gridOf(
  [8, 25, 43],
  8,
  'VRUUVRBEQUEABBREABAAAAAEQAAUAEAAAAAABAAAUBBAQREAARQEQFAEQAAQAAAFEAAAUAAAAQAAQAAAQRQEQBQUAAAEAAAEAAAEAAAAAAAABBAAAAAAAAAAABQEEBAAQAAEEQAEARAAQEAAAQAAAA' +
  'AAAQQAAAAAABAEQARAAAAEAAAAABAAAAAQAAAAQAAQAAAAAAAAAAAFAQAEAABAAAAAEQAAAAAAAAAAAQAAAABAAAAAAAAUBAAAAQABBQAAAAAAEBAAAAAAAFAAAAAAAAAAAABAQQAAAUAAAAAAQAAA' +
  'AAQAQAAAAAAAAAAAAAAAQAAAQAAEAAAAAAAEAAAAAAAAAAAAAAAAAAAAAQAAAAAAUBBEQRAQARQEABAAQAAAAAREAABAQAAAQEAAAQAAQBAAAQAAABAAEAAABBAAAAAAAAAAAQAAAAAAAAAAABQEAB' +
  'ABAAAAAAAEAAAAABABBAAAAAAAAAQAAAAEABBEUAAAAAAEAQAAAQAABAAAAAAAAQAAAAAAAABAAAAAAAAAAAAAQAEAAAEAAAAAAAAAAAQAAAAAAQAAAAAEEAQAAAAEAAAAAAAAQAAAAAAAAAAEAAAA' +
  'AAAAAAAAQQAAAQAAAQAAQAAAAABAAAAAAAAAQAAAABAAAAAAEQAAAAAAAAAAAAAUAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQEEAAAQAAEAAAAAEQAAEAA' +
  'AAAAAAAAQAAAAAAAAAABREABAAQAAAAAAEAAAABAAAABAAAAQAQAAAAQAAAEAAAAAAAAAAAAAAAQAAAAAAAAAAAAABAAAAAAAAAAAEARAEAAAAAAABAEAAAAAAQAAAAAAAAAABAAAAAAAEAEAAAQAA' +
  'AAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAABAAAABAAAAQAAAABAAAAAAAAAAAEAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' +
  'AAAAAAAAAEAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAA',
);

export const format: Format = {
  name: 'IQ2_XXS',
  ggmlType: 16,
  blockSize: 256,
  blockBytes: 66,
  planeWords: [16, 1], // as they are, 2 words per group; scale
  codes: 'scale',
  grid: gridWords(points),
  shader: eightsShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 16; i++) words[i] = source.getUint32(offset + 2 + 4 * i, true);
    words[16] = source.getUint16(offset, true);
  },
  unpack(words, weights) {
    for (let group = 0; group < 8; group++) {
      const [indices, signs] = [words[2 * group], words[2 * group + 1]];
      const scale = halfToFloat(words[16]) * (0.5 + (signs >>> 28)) * 0.25;
      for (let i = 0; i < 4; i++) writePoint(points, 8, (indices >>> (8 * i)) & 255, eightSigns((signs >>> (7 * i)) & 127), scale, weights, 32 * group + 8 * i);
    }
  },
};
