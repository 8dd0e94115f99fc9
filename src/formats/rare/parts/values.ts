// What the nibbles of types stand for that are no numbers themselves.

/** In IQ4_NL and IQ4_XS (`kvalues_iq4nl` in ggml-common.h). */
export const nonlinearValues: readonly number[] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** In MXFP4 and NVFP4: four-bit floats (E2M1), which ggml doubles to make them integers; it has no negative zero. */
export const doubledFloats: readonly number[] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];
