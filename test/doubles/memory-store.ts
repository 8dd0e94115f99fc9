// The store on records and files in memory, for tests in Node: what it lies on can be damaged, filled up, or killed at any write.
import { type Records } from '../../src/weights/store/records.ts';
import { type SlabFiles } from '../../src/weights/store/slab-files.ts';
import { type Backing, createStore, type HashState, type Manifest, type SlabRecord, type Store, type StoredSlab } from '../../src/weights/store/store.ts';

/** What a disk holds. Keeps copies, as a real one does. */
export interface MemoryDisk {
  manifests: Map<string, Manifest>;
  slabs: Map<string, StoredSlab | HashState[]>;
  /** By model, then by name. */
  files: Map<string, Map<string, Uint8Array<ArrayBuffer>>>;
}

export const memoryDisk = (): MemoryDisk => ({ manifests: new Map(), slabs: new Map(), files: new Map() });

/** `atWrite` is called before each change of the disk and may throw: from then on nothing more is written, as by a tab that was killed. */
export const memoryBacking = (disk: MemoryDisk, atWrite: () => void = () => {}): Backing => ({
  manifests: memoryRecords(disk.manifests, atWrite),
  slabs: memoryRecords(disk.slabs, atWrite),
  files: async () => memoryFiles(disk, atWrite),
});

export function memoryRecords<T>(map: Map<string, T>, atWrite: () => void = () => {}): Records<T> {
  return {
    get: async (key) => structuredClone(map.get(key)),
    getMany: async (keys) => keys.map((key) => structuredClone(map.get(key))),
    keys: async () => [...map.keys()],
    async set(key, value) {
      atWrite();
      map.set(key, structuredClone(value));
    },
    async setMany(entries) {
      atWrite();
      for (const [key, value] of entries) map.set(key, structuredClone(value));
    },
    async change(key, change) {
      const old = map.get(key);
      if (old === undefined) return undefined;
      atWrite();
      map.set(key, structuredClone(change(structuredClone(old))));
      return structuredClone(map.get(key));
    },
    async remove(keys) {
      atWrite();
      for (const key of keys) map.delete(key);
    },
  };
}

let written = 0;

function memoryFiles({ files }: MemoryDisk, atWrite: () => void): SlabFiles {
  return {
    async write(id, slab, bytes) {
      const name = `${slab}.${written++}`;
      const folder = files.get(id) ?? files.set(id, new Map()).get(id)!;
      for (const end of [0, bytes.length >> 1, bytes.length]) {
        atWrite();
        folder.set(name, bytes.slice(0, end));
      }
      return name;
    },
    read: async (id, file, offset, length) => files.get(id)?.get(file)?.slice(offset, offset + length),
    async remove(id, file) {
      atWrite();
      files.get(id)?.delete(file);
    },
    async removeAll(id) {
      for (const name of [...(files.get(id)?.keys() ?? [])]) {
        atWrite();
        files.get(id)!.delete(name);
      }
      atWrite();
      files.delete(id);
    },
    list: async () => new Map([...files].map(([id, folder]) => [id, [...folder.keys()]])),
    close: async () => {},
  };
}

export interface MemoryStore extends Store {
  /** The stored bytes themselves, to damage them. */
  bytesOf(id: string, slab: number): Uint8Array<ArrayBuffer> | undefined;
  /** Called before a slab is written; may throw, as a full disk does. */
  onPut: (slab: number, record: SlabRecord) => void | Promise<void>;
  /** Slabs read, ranges too. */
  reads: number;
}

export function memoryStore(disk = memoryDisk()): MemoryStore {
  const inner = createStore(memoryBacking(disk));
  const store: MemoryStore = {
    ...inner,
    onPut: () => {},
    reads: 0,
    bytesOf(id, slab) {
      const record = disk.slabs.get(`slab/${id}/${slab}`) as StoredSlab | undefined;
      return record?.file === undefined ? undefined : disk.files.get(id)?.get(record.file);
    },
    async putSlab(id, slab, bytes, record) {
      await store.onPut(slab, record);
      await inner.putSlab(id, slab, bytes, record);
    },
    async read(...range) {
      store.reads++;
      return inner.read(...range);
    },
  };
  return store;
}
