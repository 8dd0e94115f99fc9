// Kept states in a folder, for Node: a file each, of what it is in JSON and then the state. A file is there whole or not at all, as it gets its
// name when all is written; when it was last used is its time of modification.
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { damagedParts, headBytes, headStart, headerOf } from '../../kv/saved/snapshot.ts';
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

/** What there is none of is gone; any other error is told. */
function orNone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

/** Does `work` on an open file; undefined where there is none. */
async function withFile<T>(file: string, work: (handle: FileHandle) => Promise<T>): Promise<T | undefined> {
  const handle = await open(file).catch(orNone);
  try {
    return handle && (await work(handle));
  } finally {
    await handle?.close();
  }
}

/** Bytes that Node reads at once; it refuses 2 GiB. */
const mostRead = 2 ** 28;

/** Bytes that are read without asking first whether a file has them: what cannot be read, as a folder, says so then, whatever size it has. */
const fewBytes = 4096;

/** So many bytes from a place of a file on; undefined where it has fewer, whatever a damaged number asks for: nothing is taken for them then. */
async function readAt(handle: FileHandle, at: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (length > fewBytes && at + length > (await handle.stat()).size) return undefined;
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(mostRead, length - done), at + done);
    if (!bytesRead) return undefined;
    done += bytesRead;
  }
  return bytes;
}

/** What a file holds, and where its state begins; undefined for one that is none. */
async function headIn(handle: FileHandle): Promise<{ kept: Kept; start: number } | undefined> {
  const { size, mtimeMs } = await handle.stat();
  const bytes = await readAt(handle, 0, sizeBytes);
  const start = sizeBytes + (bytes ? new DataView(bytes.buffer).getUint32(0, true) : 0);
  const json = await readAt(handle, sizeBytes, start - sizeBytes);
  const kept = json && keptIn(new TextDecoder().decode(json));
  return kept && size === start + kept.byteLength ? { kept: { ...kept, lastUsed: Math.round(mtimeMs) }, start } : undefined;
}

function keptIn(json: string): Kept | undefined {
  try {
    return JSON.parse(json) as Kept;
  } catch {
    return undefined; // damaged
  }
}

/** The first part of a state. RequestError where it is none. */
async function firstIn(handle: FileHandle, start: number): Promise<Uint8Array> {
  const length = headBytes((await readAt(handle, start, headStart)) ?? new Uint8Array(0));
  const first = length ? await readAt(handle, start, length) : undefined;
  if (!first) throw damagedParts();
  return first;
}

/** One after the other, as all may have more bytes than are read at once. RequestError for a file that is none by now, or ends before its state does. */
async function partsIn(handle: FileHandle): Promise<Uint8Array[]> {
  const head = await headIn(handle);
  if (!head) throw damagedParts();
  const first = await firstIn(handle, head.start);
  const parts = [first];
  let at = head.start + first.byteLength;
  for (const size of headerOf(first).layers) {
    const part = await readAt(handle, at, size);
    if (!part) throw damagedParts();
    parts.push(part);
    at += size;
  }
  return parts;
}

export function openKeptFiles(folder: string): KeptStore {
  const pathOf = (name: string): string => join(folder, stemOf(name) + suffix);
  const filesOf = async (): Promise<string[]> => (await readdir(folder).catch(orNone)) ?? [];
  const setUsed = (file: string, ms: number) => utimes(file, ms / 1000, ms / 1000);
  const remove = (files: readonly string[]) => Promise.all(files.map((file) => rm(join(folder, file), { force: true })));
  /** Of a name: what is being written, or was when a process ended. */
  const unfinished = async (name: string): Promise<string[]> => (await filesOf()).filter((file) => file.startsWith(stemOf(name)) && file.endsWith('.new'));
  return {
    async list() {
      const isNone = () => undefined; // one that cannot be read hides no others
      const files = (await filesOf()).filter((file) => file.endsWith(suffix));
      const found = await Promise.all(files.map((file) => withFile(join(folder, file), headIn).catch(isNone)));
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
      const found = await withFile(file, async (handle) => {
        const head = await headIn(handle);
        return head && { kept: head.kept, first: await firstIn(handle, head.start) };
      });
      return found && { ...found, parts: () => withFile(file, partsIn) };
    },
    async touch(name, lastUsed) {
      if (await stat(pathOf(name)).catch(() => undefined)) await setUsed(pathOf(name), lastUsed);
    },
    remove: async (name) => void (await remove([stemOf(name) + suffix, ...(await unfinished(name))])),
  };
}
