// The header of a GGUF file as plain data.

/** 64-bit integers are a number where that is exact, else a bigint. Arrays of numbers are typed arrays, of 64-bit integers plain ones. */
export type MetadataValue = number | bigint | boolean | string | MetadataArray;
export type NumberArray = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;
export type MetadataArray = readonly string[] | readonly boolean[] | readonly (number | bigint)[] | NumberArray;
export type Metadata = ReadonlyMap<string, MetadataValue>;

export interface TensorInfo {
  readonly name: string;
  /** ggml's type name, as in `Q4_K`. */
  readonly type: string;
  /** Sizes in ggml's order: the row length (number of columns) first. One to four of them. */
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

/** The types that tensors have, each once, in alphabetical order. */
export const typesIn = ({ tensors }: Pick<Header, 'tensors'>): string[] => [...new Set([...tensors.values()].map(({ type }) => type))].sort();
