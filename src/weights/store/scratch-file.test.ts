// Files for pages in a made-up private file system: what others left is no reason not to have one, and no lock stays where a file cannot be removed.
import { afterEach, expect, it, vi } from 'vitest';
import { openScratchFile } from './scratch-file.ts';

/** Folders by name, those that cannot be removed, and the locks that are held. */
function fakeSystem(...names: string[]) {
  const folders = new Set(names);
  const stuck = new Set<string>();
  const held = new Set<string>();
  const root = {
    async getDirectoryHandle(name: string) {
      folders.add(name);
      return { getFileHandle: async () => ({ createSyncAccessHandle: async () => ({ write: () => 0, read: () => 0, getSize: () => 0, close() {} }) }) };
    },
    async removeEntry(name: string) {
      if (stuck.has(name)) throw new DOMException('it is in use', 'NoModificationAllowedError');
      folders.delete(name);
    },
    async *values() {
      for (const name of folders) yield { name, kind: 'directory' };
    },
  };
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => ({ getDirectoryHandle: async () => root }) } });
  const locks = {
    async request(name: string, ...rest: [unknown, ((lock: object | null) => unknown)?]) {
      const work = rest.at(-1) as (lock: object | null) => unknown;
      if (held.has(name)) return work(null);
      held.add(name);
      try {
        return await work({});
      } finally {
        held.delete(name);
      }
    },
  } as unknown as LockManager;
  return { folders, stuck, held, locks };
}

afterEach(() => vi.unstubAllGlobals());

it('a file is made beside one of a killed tab that cannot be removed, and others of killed tabs go', async () => {
  const { folders, stuck, locks } = fakeSystem('scratch-1', 'scratch-2', 'a-model');
  stuck.add('scratch-1');
  const file = await openScratchFile(locks);
  expect([...folders].filter((name) => ['scratch-1', 'scratch-2', 'a-model'].includes(name))).toEqual(['scratch-1', 'a-model']);
  await file.remove();
  expect([...folders]).toEqual(['scratch-1', 'a-model']);
});

it('a file that cannot be removed is told, holds no lock then, and can be removed later', async () => {
  const { folders, stuck, held, locks } = fakeSystem();
  const file = await openScratchFile(locks);
  const [name] = folders;
  expect([...held]).toEqual([`windrow/use/${name}`]);
  stuck.add(name);
  await expect(file.remove()).rejects.toThrow('it is in use');
  await vi.waitFor(() => expect(held.size).toBe(0));
  stuck.clear();
  await file.remove();
  expect(folders.size).toBe(0);
});
