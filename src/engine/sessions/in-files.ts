// Kept states in a folder, for Node: a file each, of what it is in JSON and then the state. A file is there whole or not at all, as it gets its
// name when all is written; when it was last used is its time of modification.
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headBytes, headStart, splitParts } from '../../kv/saved/snapshot.ts';
import { randomId } from '../../random.ts';
import { type Kept, type KeptStore } from './kept.ts';

const suffix = '.state';
/** Bytes of the number at the beginning of a file that tells how long its JSON is. */
const sizeBytes = 4;

/** Names may be longer than those of files, hold what these may not, and differ only in case: a file has the hash of its name's UTF-16 units. */
const stemOf = (name: string): string => createHash('sha256').update(Buffer.from(name, 'utf16le')).digest('hex');

function headOf(kept: Kept): Uint8Array {
  const json = Buffer.from(JSON.stringify(kept));
  const size = Buffer.alloc(sizeBytes);
  size.writeUInt32LE(json.length);
  return Buffer.concat([size, json]);
}

/** What a file holds, and where its state begins; undefined for one that is none. */
async function readHead(file: string): Promise<{ kept: Kept; start: number } | undefined> {
  const handle = await open(file).catch(() => undefined);
  try {
    if (!handle) return undefined;
    const { size, mtimeMs } = await handle.stat();
    const { buffer: bytes } = await handle.read(Buffer.alloc(sizeBytes), 0, sizeBytes, 0);
    const start = sizeBytes + bytes.readUInt32LE();
    if (start > size) return undefined;
    const { buffer: json } = await handle.read(Buffer.alloc(start - sizeBytes), 0, start - sizeBytes, sizeBytes);
    const kept = JSON.parse(json.toString()) as Kept;
    return size === start + kept.byteLength ? { kept: { ...kept, lastUsed: Math.round(mtimeMs) }, start } : undefined;
  } catch {
    return undefined; // damaged
  } finally {
    await handle?.close();
  }
}

/** The first part of a state; undefined where it is gone, or none. */
async function readFirst(file: string, start: number): Promise<Uint8Array | undefined> {
  const handle = await open(file).catch(() => undefined);
  try {
    if (!handle) return undefined;
    const { size } = await handle.stat();
    const read = async (length: number) => (await handle.read(Buffer.alloc(length), 0, length, start)).buffer;
    const length = headBytes(await read(Math.min(headStart, size - start)));
    return length && start + length <= size ? await read(length) : undefined;
  } finally {
    await handle?.close();
  }
}

export function openKeptFiles(folder: string): KeptStore {
  const pathOf = (name: string): string => join(folder, stemOf(name) + suffix);
  const filesOf = async (): Promise<string[]> => readdir(folder).catch(() => []);
  const setUsed = (file: string, ms: number) => utimes(file, ms / 1000, ms / 1000);
  const remove = (files: readonly string[]) => Promise.all(files.map((file) => rm(join(folder, file), { force: true })));
  /** Of a name: what is being written, or was when a process ended. */
  const unfinished = async (name: string): Promise<string[]> => (await filesOf()).filter((file) => file.startsWith(stemOf(name)) && file.endsWith('.new'));
  return {
    async list() {
      const found = await Promise.all((await filesOf()).filter((file) => file.endsWith(suffix)).map((file) => readHead(join(folder, file))));
      return found.flatMap((each) => (each ? [each.kept] : []));
    },
    async write(kept, parts) {
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${stemOf(kept.name)}.${randomId()}.new`);
      try {
        await writeFile(file, [headOf(kept), ...parts]);
        await setUsed(file, kept.lastUsed);
        await rename(file, pathOf(kept.name));
      } catch (error) {
        await rm(file, { force: true }).catch(() => {}); // the first error is the one to tell
        throw error;
      }
      await remove(await unfinished(kept.name));
    },
    async read(name) {
      const file = pathOf(name);
      const head = await readHead(file);
      const first = head && (await readFirst(file, head.start));
      const isGone = () => undefined;
      return first && { kept: head.kept, first, parts: () => readFile(file).then((bytes) => splitParts(bytes.subarray(head.start)), isGone) };
    },
    async touch(name, lastUsed) {
      if (await stat(pathOf(name)).catch(() => undefined)) await setUsed(pathOf(name), lastUsed);
    },
    remove: async (name) => void (await remove([stemOf(name) + suffix, ...(await unfinished(name))])),
  };
}
