// f16: the nearest half of every number, those beyond its range clamped to it.
import { floatToHalf, halfToFloat } from '../../formats/half.ts';
import { type KvFormat, packedHeads } from './format.ts';

const largest = 65504;

let halves: Float32Array | undefined;
/** Of each 16 bits the number. */
const allHalves = (): Float32Array => (halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits)));

export const format: KvFormat = {
  ...packedHeads('f16', { unitWords: 2, scaleUnits: 0 }),
  label: 'half (16 bits)',
  rounding: 2 ** -10, // a GPU may round toward zero
  encode(head) {
    const words = new Uint32Array(2 * Math.ceil(head.length / 4));
    head.forEach((value, d) => (words[d >> 1] |= floatToHalf(Math.max(-largest, Math.min(largest, value))) << (16 * (d & 1))));
    return words;
  },
  unpack(words, into) {
    const numbers = allHalves();
    const bits = new Uint16Array(words.buffer, words.byteOffset, into.length);
    for (let i = 0; i < into.length; i++) into[i] = numbers[bits[i]];
  },
  decode: (words, headDim) => Float32Array.from({ length: headDim }, (_, d) => halfToFloat((words[d >> 1] >>> (16 * (d & 1))) & 0xffff)),
};
