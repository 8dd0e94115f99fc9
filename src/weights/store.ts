// Models kept in the browser's storage: a manifest per model, and its slabs, each stored once. The only user of
// idb-keyval. A slab and its hash are written together; the manifest is complete last.
import { createStore, del, delMany, get, keys, set, setMany, type UseStore } from 'idb-keyval';
import { InvalidFileError } from '../errors.ts';

export interface Manifest {
  id: string;
  name: string;
  layoutVersion: number;
  /** URLs from which the model was loaded. */
  urls: string[];
  fileBytes: number;
  /** The first bytes of the GGUF, up to the end of its tensor table. */
  header: Uint8Array<ArrayBuffer>;
  /** Small tensors that the CPU reads, by name. */
  hostTensors: Record<string, Float32Array<ArrayBuffer>>;
  slabBytes: number[];
  /** SHA-256 of each slab, in hexadecimal; all of them once `complete`. */
  slabHashes: string[];
  complete: boolean;
  /** Milliseconds since 1970. */
  lastUsed: number;
}

export interface Store {
  manifests(): Promise<Manifest[]>;
  manifest(id: string): Promise<Manifest | undefined>;
  putManifest(manifest: Manifest): Promise<void>;
  /** Hashes of the slabs that are stored, by number: what an interrupted import need not do again. */
  storedSlabs(id: string): Promise<Map<number, string>>;
  putSlab(id: string, slab: number, bytes: Uint8Array<ArrayBuffer>): Promise<string>;
  /** The bytes of a slab; InvalidFileError if it is missing or, when `hash` is given, its bytes have another hash. */
  readSlab(id: string, slab: number, hash?: string): Promise<Uint8Array<ArrayBuffer>>;
  remove(id: string): Promise<void>;
}

/** Small values by key, in a database of their own. */
export function openRecords<T>(database: string): { get(key: string): Promise<T | undefined>; set(key: string, value: T): Promise<void> } {
  const records = createStore(database, 'records');
  return { get: (key) => get<T>(key, records), set: (key, value) => set(key, value, records) };
}

interface StoredSlab {
  bytes: Blob;
  hash: string;
}

const slabKey = (id: string, slab: number) => `slab/${id}/${slab}`;

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function openStore(): Store {
  // One database each: idb-keyval makes one object store per database.
  const manifests: UseStore = createStore('windrow-models', 'manifests');
  const slabs: UseStore = createStore('windrow-slabs', 'slabs');

  async function slabKeys(id: string): Promise<string[]> {
    const prefix = `slab/${id}/`;
    return (await keys<string>(slabs)).filter((key) => key.startsWith(prefix));
  }

  return {
    async manifests() {
      const ids = await keys<string>(manifests);
      const found = await Promise.all(ids.map((id) => get<Manifest>(id, manifests)));
      return found.filter((manifest) => manifest !== undefined);
    },
    manifest: (id) => get<Manifest>(id, manifests),
    putManifest: (manifest) => set(manifest.id, manifest, manifests),
    async storedSlabs(id) {
      const found = new Map<number, string>();
      for (const key of await slabKeys(id)) {
        const slab = await get<StoredSlab>(key, slabs);
        if (slab) found.set(Number(key.slice(key.lastIndexOf('/') + 1)), slab.hash);
      }
      return found;
    },
    async putSlab(id, slab, bytes) {
      const hash = await sha256(bytes);
      const stored: StoredSlab = { bytes: new Blob([bytes]), hash };
      await setMany([[slabKey(id, slab), stored]], slabs);
      return hash;
    },
    async readSlab(id, slab, hash) {
      const stored = await get<StoredSlab>(slabKey(id, slab), slabs);
      if (!stored) throw new InvalidFileError(`Part ${slab} of the stored model ${id} is missing. Delete the model and load it again.`);
      const bytes = new Uint8Array(await stored.bytes.arrayBuffer());
      if (hash !== undefined && (await sha256(bytes)) !== hash) {
        throw new InvalidFileError(`Part ${slab} of the stored model ${id} is damaged: its hash differs from the one noted when it was stored. Delete the model and load it again.`);
      }
      return bytes;
    },
    async remove(id) {
      await del(id, manifests); // first, so that nothing refers to slabs that are gone
      await delMany(await slabKeys(id), slabs);
    },
  };
}
