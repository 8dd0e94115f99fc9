// IQ2_XS: 256 weights share an f16 scale, each 16 have a 4-bit factor, each 8 are one of 512 points of a grid with signs.
// weight = (scale * (factor + 1/2) / 4) * coordinate.
// GGUF block: scale, 32 times 16 bits (9 of an index, 7 of signs), 8 bytes of factors (low nibble: the first 16 weights of 32).
import shader from '../../../shaders/formats/rare/IQ2_XS.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';
import { gridOf, gridWords } from './parts/grid.ts';
import { eightsShader } from './parts/shaders.ts';
import { eightSigns, writePoint } from './parts/signs.ts';

/** `iq2xs_grid` in ggml-common.h. */
const points = gridOf(
  [8, 25, 43],
  8,
  'VVVVUVVFQRVFAVRVVVBFQRAFAQBUURBAQQQAAQEAUFVFQRUVARQEAFBFQQAFAQQEAABAQQAQBQAAQAAAQFUFERQEARAAQEAFAQAEAABAEAAAAQAEAQAAAAAQAVRVUVBFQUAFAQBUURBAQQAAAVAAUB' +
  'EAQAAAAQAAAFBFQQBFARAEAABAQQAAAQAAAAAAQAAEAAABAAAAAAAFBQAEQAAABAAAEQAAAAAABAAAAAAAAABAAAAAAABVVRBAQQAAAQAEUBAAQBAAEAAAABAAAAEAAAAEAABEQQBAAQAAAAAAQAAA' +
  'AAQQAAAAEAABAAEAAAAAAAAQQQEEAAABABAABAAAAAAAABAAAQAAARAAAAAARAEAUFVFQVUFERQEAFBFQQAFAQBEAEBAQQFAAQAAAAAAQBVFARQEABAAAQAFARAEAAAAAEAAAQEAQBAAAAAAABQEAB' +
  'ABAQEAAAAEEAAAQQBAAAAAQAAAAAAAAAAAAFBFQRAFAQAEAABAQQQABQAAAAAAQAAAABAAAAAAAEAFAQQEABBAAAABQQAAAAAAQBAAAAAAEAAAABAAAAQEQABAQAAAAAABAAAQQAEAAAAAAAAAAAAA' +
  'AABAAABAQQAAARAQAAEAUAAAAAAAAAAAAAAAABAABAAAAAEAAUAAAAAAAAAAAAAEABABAAAAABAAAAAAAAAAAAAAEAAAAAAAAAEAAAAAAAQAAAAAAAAABAAAABAQAAAAQBUFARUEAFAAAFAVAQAEEA' +
  'QAAAAAAQAEAAAAQAEAQRRUABAAQABAAAAEAAAAAQAAAABAAAAEAAAAAAEAABAEAAQAAAEUAAAEBAAAAAAAAAAAAAAABAAAABAEBBAFAQAEAAEAAQAAAQAQAAAAAQAAAAAAAAAABABAAABEAAAAQRAA' +
  'AAAAAAAAEAAAAAAUAAAAAAABAAAAAAAAAAAAAAQAAAAABAAAAAABAAAAAAAAEAAAABAAAAAARQEEBAAAAAAAAQAAAABAEAAAAEAUAQAQAAAAAQAEAAAAQAAAAABAAAAAAAAAAAAAAAAAAAAAAABAAA' +
  'AEAEAARQAAAAAAQBAEAAAAAAAABQAAAAAABQAAAAABAAE',
);

export const format: Format = {
  name: 'IQ2_XS',
  ggmlType: 17,
  blockSize: 256,
  blockBytes: 74,
  planeWords: [16, 3], // indices and signs as they are, 2 words per group; factors, a byte per group; scale
  codes: 'scales',
  grid: gridWords(points),
  shader: eightsShader + shader,
  repack(source, offset, words) {
    for (let i = 0; i < 18; i++) words[i] = source.getUint32(offset + 2 + 4 * i, true);
    words[18] = source.getUint16(offset, true);
  },
  unpack(words, weights) {
    for (let i = 0; i < 32; i++) {
      const both = (words[i >> 1] >>> (16 * (i & 1))) & 0xffff;
      const factor = (words[16 + (i >> 4)] >>> (4 * ((i >> 1) & 7))) & 15;
      const scale = halfToFloat(words[18]) * (0.5 + factor) * 0.25;
      writePoint(points, 8, both & 511, eightSigns(both >> 9), scale, weights, 8 * i);
    }
  },
};
