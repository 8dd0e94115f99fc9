// Slabs as files of the origin's private file system, read and written by synchronous handles, which only workers have.
// Faster than Blobs in IndexedDB, and writing keeps no copy in memory: docs/decisions/store.md. Knows no hashes.

export interface SlabFiles {
  /** Writes a new file and gives its name. */
  write(id: string, slab: number, bytes: Uint8Array<ArrayBuffer>): Promise<string>;
  /** Bytes from `offset`, at most `length`; undefined if there is no such file. */
  read(id: string, file: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  remove(id: string, file: string): Promise<void>;
  removeAll(id: string): Promise<void>;
  /** Lets go of a model's files, which cannot be deleted by anyone while they are open. */
  close(id: string): Promise<void>;
}

/** Newer than TypeScript's library: other tabs may read too. https://github.com/whatwg/fs/blob/main/proposals/MultipleReadersWriters.md */
type OpenHandle = (options?: { mode: 'read-only' }) => Promise<FileSystemSyncAccessHandle>;

interface FileSystemSyncAccessHandle {
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
  /** Kept open: opening costs more than reading a few rows. By path. */
  const handles = new Map<string, Promise<FileSystemSyncAccessHandle>>();
  const folders = new Map<string, Promise<FileSystemDirectoryHandle>>();
  const folder = (id: string): Promise<FileSystemDirectoryHandle> => {
    if (!folders.has(id)) folders.set(id, root.getDirectoryHandle(id, { create: true }));
    return folders.get(id)!;
  };

  const close = async (path: string): Promise<void> => {
    const handle = handles.get(path);
    handles.delete(path);
    (await handle?.catch(() => undefined))?.close();
  };

  const closeAll = async (id: string): Promise<void> => {
    folders.delete(id); // another tab may delete and make it again
    await Promise.all([...handles.keys()].filter((path) => path.startsWith(`${id}/`)).map(close));
  };

  return {
    async write(id, slab, bytes) {
      const name = `${slab}.${crypto.randomUUID().slice(0, 8)}`;
      const directory = await folder(id);
      const handle = await openNamed(directory, name, { create: true });
      try {
        const written = handle.write(bytes, { at: 0 });
        if (written !== bytes.byteLength) throw new DOMException(`${written} of ${bytes.byteLength} bytes could be written.`, 'QuotaExceededError');
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
      const path = `${id}/${file}`;
      if (!handles.has(path)) handles.set(path, folder(id).then((directory) => openNamed(directory, file, { create: false }, { mode: 'read-only' })));
      let handle: FileSystemSyncAccessHandle;
      try {
        handle = await handles.get(path)!;
      } catch (error) {
        handles.delete(path);
        if ((error as Error).name === 'NotFoundError') return undefined;
        throw error;
      }
      const bytes = new Uint8Array(Math.max(0, Math.min(length, handle.getSize() - offset)));
      for (let done = 0; done < bytes.length; done += readBytes) {
        if (done > 0) await new Promise<void>((resolve) => setTimeout(resolve));
        handle.read(bytes.subarray(done, done + readBytes), { at: offset + done });
      }
      return bytes;
    },
    async remove(id, file) {
      await close(`${id}/${file}`);
      // Another tab may still read it; it goes with the model then.
      await (await folder(id)).removeEntry(file).catch(() => {});
    },
    async removeAll(id) {
      await closeAll(id);
      await root.removeEntry(id, { recursive: true }).catch((error: Error) => {
        if (error.name !== 'NotFoundError') throw error;
      });
    },
    close: closeAll,
  };
}

/** Entries that a call is under way on: Chromium never answers it if the entry is collected meanwhile. */
const held = new Set<FileSystemFileHandle>();

async function openNamed(directory: FileSystemDirectoryHandle, name: string, get: { create: boolean }, ...options: Parameters<OpenHandle>): Promise<FileSystemSyncAccessHandle> {
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
