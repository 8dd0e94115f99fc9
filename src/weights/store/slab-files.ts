// Slabs as files of the origin's private file system, read and written by synchronous handles, which only workers have.
// Faster than Blobs in IndexedDB, and writing keeps no copy in memory: docs/decisions/store.md. Knows no hashes.
import { remembered } from '../../remembered.ts';
import { createHandles } from './handles.ts';

export interface SlabFiles {
  /** Writes a new file and gives its name. */
  write(id: string, slab: number, bytes: Uint8Array<ArrayBuffer>): Promise<string>;
  /** Bytes from `offset`, at most `length`; undefined if there is no such file. */
  read(id: string, file: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  remove(id: string, file: string): Promise<void>;
  removeAll(id: string): Promise<void>;
  /** All models that have a folder, with the names of its files. */
  list(): Promise<Map<string, string[]>>;
  /** Lets go of a model's files, which cannot be deleted by anyone while they are open. */
  close(id: string): Promise<void>;
}

/** Newer than TypeScript's library: other tabs may read too. https://github.com/whatwg/fs/blob/main/proposals/MultipleReadersWriters.md */
type OpenHandle = (options?: { mode: 'read-only' }) => Promise<FileSystemSyncAccessHandle>;

export interface FileSystemSyncAccessHandle {
  read(target: Uint8Array, options: { at: number }): number;
  write(source: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
  getSize(): number;
}

/** A read blocks the worker for its time, so large ones are cut; a few milliseconds each. */
const readBytes = 2 ** 22;

/** Undefined where the browser has no such files, or only exclusive handles: then a second tab could not read. */
export async function openSlabFiles(): Promise<SlabFiles | undefined> {
  let root: FileSystemDirectoryHandle;
  try {
    root = await (await navigator.storage.getDirectory()).getDirectoryHandle('windrow', { create: true });
    if (!(await hasSharedHandles(root))) return undefined;
  } catch {
    return undefined; // a private window, a page without a secure context, a thread without synchronous handles
  }
  const folders = new Map<string, Promise<FileSystemDirectoryHandle>>();
  const folder = (id: string): Promise<FileSystemDirectoryHandle> => remembered(folders, id, () => root.getDirectoryHandle(id, { create: true }));
  const handles = createHandles(async (path) => {
    const [id, file] = path.split('/');
    return openNamed(await folder(id), file, { create: false }, { mode: 'read-only' });
  });
  const closeAll = (id: string): Promise<void> => {
    folders.delete(id); // another tab may delete and make it again
    return handles.closeAll(`${id}/`);
  };

  return {
    async write(id, slab, bytes) {
      const name = `${slab}.${crypto.randomUUID().slice(0, 8)}`;
      const directory = await folder(id);
      const handle = await openNamed(directory, name, { create: true });
      try {
        writeAll(handle, bytes, 0);
        handle.flush();
      } catch (error) {
        handle.close();
        await directory.removeEntry(name).catch(() => {}); // the first error is the one to tell
        throw error;
      }
      handle.close();
      return name;
    },
    async read(id, file, offset, length) {
      try {
        return await handles.use(`${id}/${file}`, (handle) => readFrom(handle, offset, length));
      } catch (error) {
        if ((error as Error).name === 'NotFoundError') return undefined;
        throw error;
      }
    },
    async remove(id, file) {
      await handles.close(`${id}/${file}`);
      // Another tab may still read it; it goes with the model then.
      await (await folder(id)).removeEntry(file).catch(() => {});
    },
    async removeAll(id) {
      await closeAll(id);
      await root.removeEntry(id, { recursive: true }).catch((error: Error) => {
        if (error.name !== 'NotFoundError') throw error;
      });
    },
    async list() {
      const found = new Map<string, string[]>();
      for await (const entry of entriesOf(root)) {
        if (entry.kind !== 'directory') continue;
        const names: string[] = [];
        for await (const { name } of entriesOf(entry)) names.push(name);
        found.set(entry.name, names);
      }
      return found;
    },
    close: closeAll,
  };
}

/** A DOMException QuotaExceededError where not all of them have room. */
export function writeAll(handle: Pick<FileSystemSyncAccessHandle, 'write'>, bytes: Uint8Array, at: number): void {
  const written = handle.write(bytes, { at });
  if (written !== bytes.byteLength) throw new DOMException(`${written} of ${bytes.byteLength} bytes could be written.`, 'QuotaExceededError');
}

/** Fewer bytes than asked for where the file ends, or gives no more. */
export async function readFrom(handle: Pick<FileSystemSyncAccessHandle, 'read' | 'getSize'>, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(Math.max(0, Math.min(length, handle.getSize() - offset)));
  for (let done = 0; done < bytes.length; ) {
    if (done > 0) await new Promise<void>((resolve) => setTimeout(resolve));
    const got = handle.read(bytes.subarray(done, done + readBytes), { at: offset + done });
    if (got === 0) return bytes.slice(0, done);
    done += got;
  }
  return bytes;
}

/** Newer than TypeScript's library. */
export const entriesOf = (directory: FileSystemDirectoryHandle): AsyncIterable<FileSystemDirectoryHandle | FileSystemFileHandle> =>
  (directory as unknown as { values(): AsyncIterable<FileSystemDirectoryHandle | FileSystemFileHandle> }).values();

/** Entries that a call is under way on: Chromium never answers it if the entry is collected meanwhile. */
const held = new Set<FileSystemFileHandle>();

export async function openNamed(
  directory: FileSystemDirectoryHandle,
  name: string,
  get: { create: boolean },
  ...options: Parameters<OpenHandle>
): Promise<FileSystemSyncAccessHandle> {
  const entry = await directory.getFileHandle(name, get);
  held.add(entry);
  try {
    return await open(entry, ...options);
  } finally {
    held.delete(entry);
  }
}

const open = (entry: FileSystemFileHandle, ...options: Parameters<OpenHandle>): Promise<FileSystemSyncAccessHandle> =>
  (entry as unknown as { createSyncAccessHandle: OpenHandle }).createSyncAccessHandle(...options);

async function hasSharedHandles(root: FileSystemDirectoryHandle): Promise<boolean> {
  const probe = () => openNamed(root, 'probe', { create: true }, { mode: 'read-only' });
  const first = await probe();
  try {
    (await probe()).close(); // throws where the option is not known
    return true;
  } finally {
    first.close();
  }
}
