// Where the bytes of a model come from: the interface alone. Knows nothing of what the bytes mean.

export interface ByteSource {
  /** A file name or URL, for messages. */
  readonly name: string;
  /** Size in bytes; undefined while nobody has told it. */
  readonly byteLength: number | undefined;
  /** False if a read must receive all that lies before it too: read once, in order. Undefined while unknown, and where it costs nothing. */
  readonly acceptsRanges?: boolean;
  /** What tells this state of the file from another (an ETag, a date), as far as that is known. */
  readonly version?: string;
  /** All parts of the split model of which this is one, in order, where they were found with it. */
  readonly parts?: readonly ByteSource[];
  /** Exactly `length` bytes from `offset`; an InvalidFileError if the source ends before. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** As `read`, but fewer bytes (perhaps none) where the source ends before: for a reader that does not know the size. */
  readUpTo(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** As `read`, in order and in pieces of any size, by one request: for importing many MiB without holding them. */
  stream(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
