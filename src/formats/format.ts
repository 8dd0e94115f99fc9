// What a quantised weight format is: the one interface that a file in this folder implements. Imports nothing.
//
// A format describes one block of consecutive weights of a row: how it lies in a GGUF, and the u32 words it becomes
// in storage and on the GPU ("planes"), chosen so that a shader reads aligned words. `panel.ts` places the words of
// many rows; `shaders/formats/NAME.wgsl` reads them.

export interface Format {
  /** ggml's name, as in `Q4_1`; also the name of its shader file. */
  readonly name: string;
  /** The type number in a GGUF tensor table. */
  readonly ggmlType: number;
  /** Weights per stored block, 32 to 256: one or several of ggml's blocks, so that they fill whole words. Rows may end inside one. */
  readonly blockSize: number;
  /** Bytes of `blockSize` weights in the GGUF file. */
  readonly blockBytes: number;
  /** u32 words that one block contributes to each plane, in order. A plane whose count is a multiple of 4 is read as vec4<u32>. */
  readonly planeWords: readonly number[];
  /**
   * How its shader gives the weights as bytes and factors of these, which shaders/parts/codes unpacks and shaders/parts/i8 multiplies in
   * integers; absent where they are floats or values of a table, and its shader does all itself.
   */
  readonly codes?: 'scale' | 'scale-minimum' | 'scales' | 'scales-minimums';
  /** Points that its indices choose among, as its shader reads them: bound beside the weights as `points`. */
  readonly grid?: Uint32Array<ArrayBuffer>;
  /** Of a type in `rare`: its shader, which comes with it. */
  readonly shader?: string;
  /** The same with what its codes stand for in a table of workgroup memory, which `fill_table` fills; for types that reckon it at some cost. */
  readonly tableShader?: string;
  /** Writes the words of one block, plane after plane (`planeWords` in sum), from `blockBytes` bytes of a GGUF at `offset`. Loses nothing. */
  repack(source: DataView, offset: number, words: Uint32Array): void;
  /** The weights of one block from its words: ggml's own dequantised values bit for bit. */
  unpack(words: Uint32Array, weights: Float32Array): void;
}

/** Sum of a format's words per block. */
export const wordsPerBlock = (format: Format): number => format.planeWords.reduce((a, b) => a + b, 0);
