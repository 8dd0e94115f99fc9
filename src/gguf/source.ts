// Where the bytes of a model come from. Knows nothing of what they mean.

export interface ByteSource {
  /** A file name or URL, for messages. */
  readonly name: string;
  /** Size in bytes, if it is known before reading. */
  readonly byteLength: number | undefined;
  /** Exactly `length` bytes from `offset`; an InvalidFileError if the source ends before. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
}
