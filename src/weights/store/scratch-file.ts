// A file of the origin's private file system for as long as somebody needs it: removed when it is closed, and where a tab was killed meanwhile, with the next
// one that is opened, or as a worker starts where models are kept as files (sweep.ts; not in browsers without handles that tabs share). Only workers have
// such files.
import { holdModel, whileUnused } from './locks.ts';
import { entriesOf, openNamed, readFrom, writeAll } from './slab-files.ts';

/** As the folders of models are named by their ids, which are no such words: what lies there without a manifest is swept. */
const prefix = 'scratch-';

/** As `ScratchFile` of src/kv/tiers. Rejects where the browser has no such files: in a private window, say. */
export async function openScratchFile(locks: LockManager | undefined) {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('windrow', { create: true });
  await removeOld(root, locks).catch(() => {}); // what others left is no reason not to have this one
  const id = `${prefix}${crypto.randomUUID()}`;
  const release = await holdModel(locks, id);
  const removeFolder = async (): Promise<void> => {
    try {
      await root.removeEntry(id, { recursive: true });
    } finally {
      release(); // or nobody could remove it as long as this worker is there
    }
  };
  try {
    const handle = await openNamed(await root.getDirectoryHandle(id, { create: true }), 'pages', { create: true });
    return {
      write: async (at: number, bytes: Uint8Array<ArrayBuffer>) => writeAll(handle, bytes, at),
      read: (at: number, byteLength: number) => readFrom(handle, at, byteLength),
      async remove(): Promise<void> {
        handle.close();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder().catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/** Removes what killed tabs have left. */
async function removeOld(root: FileSystemDirectoryHandle, locks: LockManager | undefined): Promise<void> {
  if (!locks) return; // nobody could say whether it is in use
  const names: string[] = [];
  for await (const { name } of entriesOf(root)) if (name.startsWith(prefix)) names.push(name);
  for (const name of names) {
    await whileUnused(locks, name, () => root.removeEntry(name, { recursive: true })).catch(() => {}); // in use, gone, or for another time
  }
}
