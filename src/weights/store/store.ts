// Models kept in the browser's storage. Manifests and a record per slab lie in IndexedDB, a slab's bytes once: in a file
// of the origin's private file system, or in the record as a Blob where there are no such files. The only user of
// idb-keyval. A record is written after its bytes, the manifest is complete last.
import { createStore, del, delMany, get, getMany, keys, set, type UseStore } from 'idb-keyval';
import { openSlabFiles, type SlabFiles } from './slab-files.ts';

export interface StoredFile {
  name: string;
  /** As the tensor table implies. */
  byteLength: number;
  /** The first bytes of the GGUF, up to the end of its tensor table. */
  header: Uint8Array<ArrayBuffer>;
  /** What told this state of the file from others when it was imported: an ETag or a date. */
  version?: string;
}

export interface Manifest {
  id: string;
  name: string;
  layoutVersion: number;
  /** URLs, and names on a model hub, from which the model was loaded. */
  urls: string[];
  /** The GGUF, or the parts of a split one in order. */
  files: StoredFile[];
  /** Small tensors that the CPU reads, by name. */
  hostTensors: Record<string, Float32Array<ArrayBuffer>>;
  slabBytes: number[];
  /** SHA-256 of each slab before encryption, in hexadecimal; all of them once `complete`. */
  slabHashes: string[];
  complete: boolean;
  /** Milliseconds since 1970. */
  lastUsed: number;
  /** Undefined if the slabs lie in clear. */
  encryption?: Encryption;
}

/** How the key of an encrypted model is known again; never the key itself. */
export interface Encryption {
  /** A known text under the key. */
  check: Uint8Array<ArrayBuffer>;
  /** The key under a passphrase; undefined if the page has the key. */
  wrapped?: { salt: Uint8Array<ArrayBuffer>; iterations: number; key: Uint8Array<ArrayBuffer> };
}

export interface SlabRecord {
  /** SHA-256 before encryption, in hexadecimal; empty for a draft. */
  hash: string;
  layoutVersion: number;
  /** A draft: only what lies in the file before this byte has been placed. Undefined for a whole slab. */
  through?: number;
}

/** How far the hash of a whole file has come: `words` is SHA-256's state after the first `through` bytes. */
export interface HashState {
  through: number;
  words: number[];
}

export interface Store {
  manifests(): Promise<Manifest[]>;
  manifest(id: string): Promise<Manifest | undefined>;
  putManifest(manifest: Manifest): Promise<void>;
  /** What is there of a model, by slab number: what an interrupted import need not do again. */
  slabs(id: string): Promise<Map<number, SlabRecord>>;
  /** Replaces a slab at once: it has its old bytes or its new ones, never a mixture. Throws a DOMException QuotaExceededError when the disk is full. */
  putSlab(id: string, slab: number, bytes: Uint8Array<ArrayBuffer>, record: SlabRecord): Promise<void>;
  /** Bytes of a slab, all of them by default; undefined if it is missing, fewer if it is cut short. Nothing is verified. */
  read(id: string, slab: number, offset?: number, length?: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Lets go of what reading a model keeps open. */
  close(id: string): Promise<void>;
  hashState(id: string): Promise<HashState[] | undefined>;
  putHashState(id: string, state: HashState[]): Promise<void>;
  /** The slabs, but not the manifest. */
  removeSlabs(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Small values by key, in a database of their own. */
export function openRecords<T>(database: string): { get(key: string): Promise<T | undefined>; set(key: string, value: T): Promise<void> } {
  const records = createStore(database, 'records');
  return { get: (key) => get<T>(key, records), set: (key, value) => set(key, value, records) };
}

/** Exactly one of `file` and `blob`. */
interface StoredSlab extends SlabRecord {
  file?: string;
  blob?: Blob;
}

const slabKey = (id: string, slab: number) => `slab/${id}/${slab}`;

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** `place` is where new slabs go; slabs are read from wherever they lie. Default: files where the browser has them. */
export function openStore(place?: 'files' | 'indexeddb'): Store {
  // One database each: idb-keyval makes one object store per database.
  const manifests: UseStore = createStore('windrow-models', 'manifests');
  const slabs: UseStore = createStore('windrow-slabs', 'slabs');
  let opening: Promise<SlabFiles | undefined> | undefined;
  const files = () => (opening ??= openSlabFiles());

  const slabKeys = async (id: string): Promise<string[]> => (await keys<string>(slabs)).filter((key) => key.startsWith(`slab/${id}/`));

  async function removeSlabs(id: string): Promise<void> {
    await delMany([...(await slabKeys(id)), `hash/${id}`], slabs); // first, so that nothing refers to files that are gone
    await (await files())?.removeAll(id);
  }

  return {
    async manifests() {
      return (await getMany<Manifest>(await keys<string>(manifests), manifests)).filter((manifest) => manifest !== undefined);
    },
    manifest: (id) => get<Manifest>(id, manifests),
    putManifest: (manifest) => set(manifest.id, manifest, manifests),
    async slabs(id) {
      const found = await slabKeys(id);
      const records = await getMany<StoredSlab>(found, slabs);
      const there = new Map<number, SlabRecord>();
      records.forEach((record, i) => {
        if (record) there.set(Number(found[i].slice(found[i].lastIndexOf('/') + 1)), { hash: record.hash, layoutVersion: record.layoutVersion, through: record.through });
      });
      return there;
    },
    async putSlab(id, slab, bytes, { hash, layoutVersion, through }) {
      const old = await get<StoredSlab>(slabKey(id, slab), slabs);
      const slabFiles = place === 'indexeddb' ? undefined : await files();
      // A new file each time: what the old record names stays whole until the new record is there.
      const where = slabFiles ? { file: await slabFiles.write(id, slab, bytes) } : { blob: new Blob([bytes]) };
      await set(slabKey(id, slab), { hash, layoutVersion, through, ...where } satisfies StoredSlab, slabs);
      if (old?.file) await (await files())?.remove(id, old.file);
    },
    async read(id, slab, offset = 0, length = Infinity) {
      const stored = await get<StoredSlab>(slabKey(id, slab), slabs);
      if (stored?.file) return (await files())?.read(id, stored.file, offset, length);
      return stored?.blob && new Uint8Array(await stored.blob.slice(offset, length === Infinity ? undefined : offset + length).arrayBuffer());
    },
    close: async (id) => (await files())?.close(id),
    hashState: (id) => get<HashState[]>(`hash/${id}`, slabs),
    putHashState: (id, state) => set(`hash/${id}`, state, slabs),
    removeSlabs,
    async remove(id) {
      await del(id, manifests); // first, so that nothing refers to slabs that are gone
      await removeSlabs(id);
    },
  };
}
