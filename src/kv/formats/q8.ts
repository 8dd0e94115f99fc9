// q8: a head is kept as the largest of its sizes in f32, behind its dimensions, and a signed byte for each number: the
// nearest step of 1/127 of it, halves upwards as WGSL's pack4x8snorm has them.
import { type KvFormat, packedHeads } from './format.ts';

export const format: KvFormat = {
  ...packedHeads('q8', { unitWords: 1, scaleUnits: 1 }),
  label: '8 bits: room for longer chats',
  rounding: 0.501 / 127, // half a step
  encode(head) {
    const words = new Uint32Array(Math.ceil(head.length / 4) + 1);
    const scale = head.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    new Int8Array(words.buffer).set(head.map((value) => Math.floor(0.5 + (127 * value) / Math.max(scale, 1e-30))));
    new Float32Array(words.buffer)[words.length - 1] = scale;
    return words;
  },
  unpack(words, into) {
    const steps = new Int8Array(words.buffer, words.byteOffset, into.length);
    for (let i = 0; i < into.length; i++) into[i] = steps[i] * (1 / 127);
  },
  decode(words, headDim) {
    const scale = new Float32Array(words.slice(-1).buffer)[0];
    const steps = new Int8Array(words.slice(0, -1).buffer);
    return Float32Array.from({ length: headDim }, (_, d) => (steps[d] / 127) * scale);
  },
};
