// NVFP4: four-bit floats (E2M1) as in MXFP4, of which 16 share an unsigned eight-bit float (E4M3). ggml doubles the values to make them
// integers and halves the scale: weight = value * scale / 2.
// GGUF block: four scales, 32 bytes of nibbles (of 8 bytes the low nibbles are weights 0 to 7, the high ones 8 to 15).
import shader from '../../../shaders/formats/rare/NVFP4.wgsl?raw';
import { type Format } from '../format.ts';
import { doubledFloats } from './parts/values.ts';

/** Half of an E4M3 number, whose NaN is 0 (`ggml_ue4m3_to_fp32` in ggml-impl.h). */
function halfScale(bits: number): number {
  if (bits === 0x7f) return 0;
  const exponent = (bits >> 3) & 15;
  const fraction = bits & 7;
  return exponent === 0 ? fraction * 2 ** -10 : (1 + fraction / 8) * 2 ** (exponent - 8);
}

export const format: Format = {
  name: 'NVFP4',
  ggmlType: 40,
  blockSize: 64,
  blockBytes: 36,
  planeWords: [8, 1], // nibbles as they are, 4 words per group; four scales
  codes: 'scales',
  shader,
  repack(source, offset, words) {
    for (let i = 0; i < 8; i++) words[i] = source.getUint32(offset + 4 + 4 * i, true);
    words[8] = source.getUint32(offset, true);
  },
  unpack(words, weights) {
    for (let j = 0; j < 64; j++) {
      const part = j >> 4;
      const nibble = (words[2 * part + ((j >> 2) & 1)] >>> (8 * (j & 3) + (j & 8 ? 4 : 0))) & 15;
      weights[j] = doubledFloats[nibble] * halfScale((words[8] >>> (8 * part)) & 255);
    }
  },
};
