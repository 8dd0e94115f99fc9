// The store's twin in memory, for tests in Node. Keeps copies, as a real one does. Not shipped.
import { type HashState, type Manifest, type SlabRecord, type Store } from '../src/weights/store/store.ts';

export interface MemoryStore extends Store {
  /** The stored bytes themselves, to damage them. */
  bytesOf(id: string, slab: number): Uint8Array<ArrayBuffer> | undefined;
  /** Called before a slab is written; may throw, as a full disk does. */
  onPut: (slab: number, record: SlabRecord) => void | Promise<void>;
  /** Slabs read, ranges too. */
  reads: number;
}

export function memoryStore(): MemoryStore {
  const manifests = new Map<string, Manifest>();
  const slabs = new Map<string, Map<number, { bytes: Uint8Array<ArrayBuffer>; record: SlabRecord }>>();
  const hashStates = new Map<string, HashState[]>();
  const of = (id: string) => slabs.get(id) ?? slabs.set(id, new Map()).get(id)!;
  const removeSlabs = async (id: string): Promise<void> => {
    slabs.delete(id);
    hashStates.delete(id);
  };
  const store: MemoryStore = {
    onPut: () => {},
    reads: 0,
    bytesOf: (id, slab) => of(id).get(slab)?.bytes,
    manifests: async () => [...manifests.values()].map((manifest) => structuredClone(manifest)),
    manifest: async (id) => structuredClone(manifests.get(id)),
    putManifest: async (manifest) => void manifests.set(manifest.id, structuredClone(manifest)),
    slabs: async (id) => new Map([...of(id)].map(([slab, { record }]) => [slab, { ...record }])),
    async putSlab(id, slab, bytes, record) {
      await store.onPut(slab, record);
      of(id).set(slab, { bytes: bytes.slice(), record: { ...record } });
    },
    async read(id, slab, offset = 0, length = Infinity) {
      store.reads++;
      return of(id).get(slab)?.bytes.slice(offset, offset + length);
    },
    close: async () => {},
    hashState: async (id) => structuredClone(hashStates.get(id)),
    putHashState: async (id, state) => void hashStates.set(id, structuredClone(state)),
    removeSlabs,
    async remove(id) {
      manifests.delete(id);
      await removeSlabs(id);
    },
  };
  return store;
}
