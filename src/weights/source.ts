// Bytes and files as byte sources.
import { InvalidFileError } from '../errors.ts';
import { type ByteSource } from '../gguf/source.ts';

/** A copy of a part of `bytes`, so that the receiver may transfer it. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  const source: ByteSource = {
    name,
    byteLength: bytes.byteLength,
    read: async (offset, length, signal) => {
      signal?.throwIfAborted();
      requireWithin(name, bytes.byteLength, offset, length);
      return bytes.slice(offset, offset + length);
    },
    readUpTo: (offset, length, signal) => source.read(offset, within(bytes.byteLength, offset, length), signal),
    stream: (offset, length, signal) => inPieces(source, offset, length, signal),
  };
  return source;
}

/** A file that a person chose. Only the slices asked for are read. */
export function fileSource(file: Blob & { readonly name: string }): ByteSource {
  const source: ByteSource = {
    name: file.name,
    byteLength: file.size,
    read: async (offset, length, signal) => {
      signal?.throwIfAborted();
      requireWithin(file.name, file.size, offset, length);
      try {
        return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
      } catch (error) {
        // A File is a promise of bytes: the file behind it may be changed or removed.
        throw new InvalidFileError(`${file.name} cannot be read any more at byte ${offset} (${(error as Error).message}). Choose the file again.`);
      }
    },
    readUpTo: (offset, length, signal) => source.read(offset, within(file.size, offset, length), signal),
    stream: (offset, length, signal) => inPieces(source, offset, length, signal),
  };
  return source;
}

/** Bytes of `length` from `offset` that a source of `size` bytes has. */
export const within = (size: number, offset: number, length: number): number => Math.max(0, Math.min(length, size - offset));

export function requireWithin(name: string, size: number, offset: number, length: number): void {
  if (offset + length > size) {
    throw new InvalidFileError(`${name} has ${size} bytes; needed are ${length} bytes from byte ${offset}. The file is incomplete: get it again.`);
  }
}

/** Reads of 1 MiB, one after the other: for sources where a read costs little. */
export async function* inPieces(source: ByteSource, offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const pieceBytes = 2 ** 20;
  for (let done = 0; done < length; done += pieceBytes) yield await source.read(offset + done, Math.min(pieceBytes, length - done), signal);
}
