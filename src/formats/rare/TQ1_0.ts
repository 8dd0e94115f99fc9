// TQ1_0: 256 ternary weights share an f16 scale; weight = (digit - 1) * scale.
// GGUF block: 48 bytes of five digits, 4 of four, scale. A byte is a fraction of 256 whose digits in base 3 are those of weights 32 (of the
// first 32 bytes), 16 (of the next 16) or 4 (of the last) apart.
import shader from '../../../shaders/formats/rare/TQ1_0.wgsl?raw';
import { type Format } from '../format.ts';
import { halfToFloat } from '../half.ts';

/** The n-th digit behind the point of a byte / 256 in base 3, from 0. */
const digit = (byte: number, n: number): number => (((byte * 3 ** n) & 255) * 3) >> 8;

export const format: Format = {
  name: 'TQ1_0',
  ggmlType: 34,
  blockSize: 256,
  blockBytes: 54,
  planeWords: [12, 2], // digits as they are; the last four bytes of them, scale
  codes: 'scale',
  shader,
  repack(source, offset, words) {
    for (let i = 0; i < 13; i++) words[i] = source.getUint32(offset + 4 * i, true);
    words[13] = source.getUint16(offset + 52, true);
  },
  unpack(words, weights) {
    const scale = halfToFloat(words[13]);
    const digitOf = (byte: number, n: number) => digit((words[byte >> 2] >>> (8 * (byte & 3))) & 255, n);
    for (let j = 0; j < 256; j++) {
      const value = j < 160 ? digitOf(j & 31, j >> 5) : j < 240 ? digitOf(32 + (j & 15), (j - 160) >> 4) : digitOf(48 + (j & 3), (j - 240) >> 2);
      weights[j] = (value - 1) * scale;
    }
  },
};
