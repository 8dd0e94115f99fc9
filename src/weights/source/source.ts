// Bytes and chosen files as byte sources: those whose size is known and where a read costs little.
import { InvalidFileError } from '../../errors.ts';
import { type ByteSource } from '../../gguf/source.ts';

/** Copies of parts of `bytes`, so that a receiver may transfer them. */
export const bytesSource = (bytes: Uint8Array, name: string): ByteSource =>
  sizedSource(name, bytes.byteLength, async (offset, length) => bytes.slice(offset, offset + length));

/** A file that a person chose. Only the slices asked for are read. */
export const fileSource = (file: Blob & { readonly name: string }): ByteSource =>
  sizedSource(file.name, file.size, async (offset, length) => {
    try {
      return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
    } catch (error) {
      // A File only promises bytes: the file behind it may have been changed or removed.
      throw new InvalidFileError(`${file.name} cannot be read any more at byte ${offset}: ${(error as Error).message} Choose the file again.`);
    }
  });

/** A source of `byteLength` bytes; `readWithin` is only asked for what lies inside. */
export function sizedSource(name: string, byteLength: number, readWithin: (offset: number, length: number) => Promise<Uint8Array>): ByteSource {
  const read: ByteSource['read'] = async (offset, length, signal) => {
    signal?.throwIfAborted();
    if (offset + length > byteLength) {
      throw new InvalidFileError(`${name} has ${byteLength} bytes; needed are ${length} bytes from byte ${offset}. The file is incomplete: get it again.`);
    }
    return length === 0 ? new Uint8Array(0) : readWithin(offset, length);
  };
  return {
    name,
    byteLength,
    read,
    readUpTo: (offset, length, signal) => read(Math.min(offset, byteLength), Math.max(0, Math.min(length, byteLength - offset)), signal),
    async *stream(offset, length, signal) {
      const pieceBytes = 2 ** 20;
      for (let done = 0; done < length; done += pieceBytes) yield await read(offset + done, Math.min(pieceBytes, length - done), signal);
    },
  };
}
