// Models kept in the browser's storage. Manifests and a record per slab lie in IndexedDB, a slab's bytes once: in a file
// of the origin's private file system, or in the record as a Blob where there are no such files. A record is written after
// its bytes, the manifest is complete last; what a kill leaves between two writes, `tidy` removes.
import { type GateActivation } from '../../protocol.ts';
import { openRecords, type Records } from './records.ts';
import { openSlabFiles, type SlabFiles } from './slab-files.ts';

export interface StoredFile {
  name: string;
  /** As the tensor table implies. */
  byteLength: number;
  /** The first bytes of the GGUF, up to the end of its tensor table. */
  header: Uint8Array<ArrayBuffer>;
  /** What told this state of the file from others when it was imported: an ETag or a date. */
  version?: string;
  /** SHA-256 of the whole file, in hexadecimal: asked for while it is imported, found right once it is. Undefined if nobody named one. */
  sha256?: string;
}

export interface Manifest {
  id: string;
  name: string;
  layoutVersion: number;
  /** URLs, and names on a model hub, from which the model was loaded. */
  urls: string[];
  /** Of header and samples (identity.ts): what is compared where a hash is not known. Undefined in manifests of the first layout of ids. */
  fingerprint?: string;
  /** The GGUF, or the parts of a split one in order. */
  files: StoredFile[];
  /** Small tensors that the CPU reads, by name. */
  hostTensors: Record<string, Float32Array<ArrayBuffer>>;
  slabBytes: number[];
  /** Some matrices are stored by their columns; of experts that could be, single neurons. */
  columns?: boolean;
  /** What its gates go through, if that was said when it was stored. */
  activation?: GateActivation;
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
  /** The manifest as changed, in one transaction: no other tab's change is lost. Undefined, and nothing is written, if it is gone. */
  changeManifest(id: string, change: (manifest: Manifest) => Manifest): Promise<Manifest | undefined>;
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
  /** Ids of which something is kept that nothing refers to. What others are writing just now may be among it: see sweep.ts. */
  untidy(): Promise<string[]>;
  /** Removes what nothing refers to: of a model without a manifest everything, else files that no record names. */
  tidy(id: string): Promise<void>;
}

/** What a store lies on. */
export interface Backing {
  manifests: Records<Manifest>;
  slabs: Records<StoredSlab | HashState[]>;
  /** Undefined where there are none. */
  files(): Promise<SlabFiles | undefined>;
}

/** Exactly one of `file` and `blob`. */
export interface StoredSlab extends SlabRecord {
  file?: string;
  blob?: Blob;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** `place` is where new slabs go; slabs are read from wherever they lie. Default: files where the browser has them. */
export function openStore(place?: 'files' | 'indexeddb'): Store {
  let opening: Promise<SlabFiles | undefined> | undefined;
  return createStore({
    manifests: openRecords('windrow-models', 'manifests'),
    slabs: openRecords('windrow-slabs', 'slabs'),
    files: () => (opening ??= openSlabFiles()),
  }, place);
}

const slabKey = (id: string, slab: number) => `slab/${id}/${slab}`;
const hashKey = (id: string) => `hash/${id}`;
const idOfKey = (key: string): string => key.split('/')[1];

export function createStore({ manifests, slabs, files }: Backing, place?: 'files' | 'indexeddb'): Store {
  const slabOf = (id: string, slab: number) => slabs.get(slabKey(id, slab)) as Promise<StoredSlab | undefined>;

  /** The records of a model's slabs, by number. */
  async function slabsOf(id: string): Promise<Map<number, StoredSlab>> {
    const found = (await slabs.keys()).filter((key) => key.startsWith(`slab/${id}/`));
    const records = (await slabs.getMany(found)) as (StoredSlab | undefined)[];
    return new Map(records.flatMap((record, i) => (record ? [[Number(found[i].slice(found[i].lastIndexOf('/') + 1)), record] as const] : [])));
  }

  async function removeSlabs(id: string): Promise<void> {
    // Records first, so that nothing refers to files that are gone.
    await slabs.remove((await slabs.keys()).filter((key) => idOfKey(key) === id));
    await (await files())?.removeAll(id);
  }

  /** Files of a model that no record names. */
  async function strayFiles(id: string, names: string[]): Promise<string[]> {
    const named = new Set([...(await slabsOf(id)).values()].map(({ file }) => file));
    return names.filter((name) => !named.has(name));
  }

  return {
    manifests: async () => (await manifests.getMany(await manifests.keys())).filter((manifest) => manifest !== undefined),
    manifest: (id) => manifests.get(id),
    putManifest: (manifest) => manifests.set(manifest.id, manifest),
    changeManifest: (id, change) => manifests.change(id, change),
    slabs: async (id) => new Map([...(await slabsOf(id))].map(([slab, { hash, layoutVersion, through }]) => [slab, { hash, layoutVersion, through }])),
    async putSlab(id, slab, bytes, { hash, layoutVersion, through }) {
      const old = await slabOf(id, slab);
      const slabFiles = place === 'indexeddb' ? undefined : await files();
      // A new file each time: what the old record names stays whole until the new record is there.
      const where = slabFiles ? { file: await slabFiles.write(id, slab, bytes) } : { blob: new Blob([bytes]) };
      try {
        await slabs.set(slabKey(id, slab), { hash, layoutVersion, through, ...where });
      } catch (error) {
        if (where.file) await slabFiles?.remove(id, where.file).catch(() => {}); // the first error is the one to tell
        throw error;
      }
      if (old?.file) await (await files())?.remove(id, old.file);
    },
    async read(id, slab, offset = 0, length = Infinity) {
      const stored = await slabOf(id, slab);
      if (stored?.file) return (await files())?.read(id, stored.file, offset, length);
      return stored?.blob && new Uint8Array(await stored.blob.slice(offset, length === Infinity ? undefined : offset + length).arrayBuffer());
    },
    close: async (id) => (await files())?.close(id),
    hashState: (id) => slabs.get(hashKey(id)) as Promise<HashState[] | undefined>,
    putHashState: (id, state) => slabs.set(hashKey(id), state),
    removeSlabs,
    async remove(id) {
      await manifests.remove([id]); // first, so that nothing refers to slabs that are gone
      await removeSlabs(id);
    },
    async untidy() {
      const folders = (await (await files())?.list()) ?? new Map<string, string[]>();
      const kept = new Set(await manifests.keys());
      const found = new Set([...folders.keys(), ...(await slabs.keys()).map(idOfKey)].filter((id) => !kept.has(id)));
      for (const [id, names] of folders) if (kept.has(id) && (await strayFiles(id, names)).length > 0) found.add(id);
      return [...found];
    },
    async tidy(id) {
      if (!(await manifests.get(id))) return removeSlabs(id);
      const slabFiles = await files();
      const names = (await slabFiles?.list())?.get(id) ?? [];
      for (const name of await strayFiles(id, names)) await slabFiles?.remove(id, name);
    },
  };
}
