// f32: every number as it is, the exact path.
import { type KvFormat, packedHeads } from './format.ts';

export const format: KvFormat = {
  ...packedHeads('f32', { unitWords: 4, scaleUnits: 0 }),
  label: 'exact (32 bits)',
  rounding: 0,
  encode(head) {
    const words = new Uint32Array(4 * Math.ceil(head.length / 4));
    new Float32Array(words.buffer).set(head);
    return words;
  },
  unpack: (words, into) => into.set(new Float32Array(words.buffer, words.byteOffset, into.length)),
  decode: (words, headDim) => new Float32Array(words.slice(0, headDim).buffer),
};
