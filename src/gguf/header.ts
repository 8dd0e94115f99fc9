// The header of a GGUF file as plain data.

export type MetadataValue = number | bigint | boolean | string | readonly string[] | readonly number[] | Int32Array | Uint32Array | Float32Array | Uint8Array | readonly (number | bigint | boolean)[];
export type Metadata = ReadonlyMap<string, MetadataValue>;

export interface TensorInfo {
  readonly name: string;
  /** ggml's type name, as in `Q4_K`. */
  readonly type: string;
  /** Sizes in ggml's order: the row length (number of columns) first. */
  readonly shape: readonly number[];
  /** First byte in the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface Header {
  readonly version: 2 | 3;
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Bytes of the header itself: metadata and tensor table, before the padding. */
  readonly headerBytes: number;
  /** Bytes of the whole file as the tensor table implies. */
  readonly fileBytes: number;
}
