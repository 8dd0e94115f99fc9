// A file on disk as a byte source. Node only; the browser's files are in source.ts.
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { InvalidFileError, RequestError } from '../../errors.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { sizedSource } from './source.ts';

/** Opens `path`; the caller closes it. Errors of the file system (no such file, no permission) pass as they are. */
export async function openFileSource(path: string): Promise<ByteSource & { close(): Promise<void> }> {
  const handle = await open(path);
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw new RequestError(`${path} is a folder or a device; a GGUF file is needed.`);
  }
  const { size } = stat;
  const source = sizedSource(basename(path), size, async (offset, length) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new InvalidFileError(`${path} had ${size} bytes when it was opened and ends now after ${offset + done}: it was changed. Load it again.`, { code: 'file_changed' });
      done += bytesRead;
    }
    return bytes;
  });
  return { ...source, close: () => handle.close() };
}
