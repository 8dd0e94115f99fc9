// Kept states in a folder, for Node: a file of the state, and one in JSON of what it is, which is written last.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { splitParts } from '../../kv/snapshot.ts';
import { type Kept, type KeptStore } from './kept.ts';

const suffix = '.json';

export function openKeptFiles(folder: string): KeptStore {
  const path = (name: string, kind: string) => join(folder, encodeURIComponent(name).replaceAll('.', '%2E') + kind);
  const read = async (file: string): Promise<Kept | undefined> => {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as Kept;
    } catch {
      return undefined; // none, or one that was cut off
    }
  };
  /** A file is there whole or not at all. */
  const write = async (file: string, bytes: string | readonly Uint8Array[]): Promise<void> => {
    await writeFile(`${file}.new`, bytes);
    await rename(`${file}.new`, file);
  };
  const writeAbout = (kept: Kept) => write(path(kept.name, suffix), JSON.stringify(kept));
  const remove = async (name: string): Promise<void> => {
    for (const kind of [suffix, '.kv', `${suffix}.new`, '.kv.new']) await rm(path(name, kind), { force: true });
  };
  return {
    async list() {
      const files = await readdir(folder).catch(() => [] as string[]);
      const found = await Promise.all(files.filter((file) => file.endsWith(suffix)).map((file) => read(join(folder, file))));
      return found.filter((each) => each !== undefined);
    },
    async write(kept, parts) {
      await mkdir(folder, { recursive: true });
      await remove(kept.name);
      await write(path(kept.name, '.kv'), parts);
      await writeAbout(kept);
    },
    async read(name) {
      const kept = await read(path(name, suffix));
      return kept && { kept, parts: splitParts(await readFile(path(name, '.kv'))) };
    },
    async touch(name, lastUsed) {
      const kept = await read(path(name, suffix));
      if (kept) await writeAbout({ ...kept, lastUsed });
    },
    remove,
  };
}
