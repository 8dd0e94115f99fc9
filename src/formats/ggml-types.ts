// Every tensor type a GGUF may name, by ggml's number: enough to compute byte sizes and to refuse a type by name.
// Which of them windrow reads is the catalogue's business. Imports nothing.

export interface GgmlType {
  /** ggml's name, as in `Q4_K`. */
  readonly name: string;
  /** Elements per block; a row is a whole number of blocks. */
  readonly blockSize: number;
  readonly blockBytes: number;
}

// From ggml.h (enum ggml_type) and gguf-py (GGML_QUANT_SIZES). The numbers 4, 5 (Q4_2, Q4_3), 31 to 33 (Q4_0_4_4, Q4_0_4_8,
// Q4_0_8_8) and 36 to 38 (IQ4_NL_4_4, IQ4_NL_4_8, IQ4_NL_8_8) were withdrawn.
const rows: readonly (readonly [number: number, name: string, blockSize: number, blockBytes: number])[] = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [15, 'Q8_K', 256, 292],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [39, 'MXFP4', 32, 17],
  [40, 'NVFP4', 64, 36],
  [41, 'Q1_0', 128, 18],
  [42, 'Q2_0', 64, 18],
];

/** By the number in a GGUF tensor table. A number that is missing here is unknown or was withdrawn from ggml. */
export const ggmlTypes: ReadonlyMap<number, GgmlType> = new Map(
  rows.map(([number, name, blockSize, blockBytes]) => [number, { name, blockSize, blockBytes }]),
);
