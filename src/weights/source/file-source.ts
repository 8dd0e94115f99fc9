// A file on disk as a byte source. Node only; the browser's files are in source.ts.
import { access, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { InvalidFileError, RequestError } from '../../errors.ts';
import { partNames } from '../../gguf/files.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { sizedSource } from './source.ts';

type OpenFile = ByteSource & { close(): Promise<void> };

/**
 * Opens `path`; the caller closes it. Of a split model the other parts are opened with it if all lie beside it. Errors of the
 * file system (no such file, no permission) pass as they are.
 */
export async function openFileSource(path: string): Promise<OpenFile> {
  const source = await openOne(path);
  const paths = partNames(path) ?? [];
  const there = await Promise.all(paths.map((part) => access(part).then(() => true, () => false)));
  if (paths.length === 0 || there.includes(false)) return source;
  const parts = await Promise.all(paths.map((part) => (part === path ? source : openOne(part))));
  return { ...source, parts, close: async () => void (await Promise.all(parts.map((part) => part.close()))) };
}

async function openOne(path: string): Promise<OpenFile> {
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
      if (bytesRead === 0)
        throw new InvalidFileError(`${path} had ${size} bytes when it was opened and ends now after ${offset + done}: it was changed. Load it again.`, {
          code: 'file_changed',
        });
      done += bytesRead;
    }
    return bytes;
  });
  return { ...source, close: () => handle.close() };
}
