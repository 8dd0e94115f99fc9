// Records by key in a JSON file, for Node. One that cannot be read or written only costs measuring again.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export function recordsFile<T>(path: string): { get(key: string): Promise<T | undefined>; set(key: string, value: T): Promise<void> } {
  const read = async (): Promise<Record<string, T>> => {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as Record<string, T>;
    } catch {
      return {};
    }
  };
  let last = Promise.resolve();
  return {
    get: async (key) => (await read())[key],
    // One after the other: what is written has what is there already.
    set: (key, value) =>
      (last = last.then(async () => {
        try {
          await mkdir(dirname(path), { recursive: true });
          await writeFile(path, JSON.stringify({ ...(await read()), [key]: value }, null, 1));
        } catch {
          // A read-only home: measured again next time.
        }
      })),
  };
}
