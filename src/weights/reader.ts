// Where the slabs of a model come from: made from its GGUF, made and kept on the way, or read from the store.
import { type ByteSource } from '../gguf/source.ts';
import { type Header } from '../gguf/header.ts';
import { importSlab, readVector } from './import.ts';
import { type Layout, layoutVersion } from './layout.ts';
import { type Manifest, type Store } from './store.ts';

export interface WeightsReader {
  /** True if the bytes come from the browser's storage. */
  readonly fromStore: boolean;
  /** The bytes of slab `index` of the layout. */
  readSlab(index: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** A small tensor that the CPU reads. */
  hostTensor(name: string): Promise<Float32Array>;
  /** Call when every slab has been read once. */
  finish(): Promise<void>;
}

/** Reads the GGUF each time; keeps nothing. */
export const sourceReader = (source: ByteSource, header: Header, layout: Layout): WeightsReader => ({
  fromStore: false,
  readSlab: (index, signal) => importSlab(source, header, layout, layout.slabs[index], signal),
  hostTensor: (name) => readVector(source, header.tensors.get(name)!),
  finish: async () => {},
});

/** Reads a complete stored model; checks the hash of each slab at its first read. */
export function storedReader(store: Store, manifest: Manifest): WeightsReader {
  const checked = new Set<number>();
  return {
    fromStore: true,
    async readSlab(index) {
      const bytes = await store.readSlab(manifest.id, index, checked.has(index) ? undefined : manifest.slabHashes[index]);
      checked.add(index);
      return bytes;
    },
    hostTensor: async (name) => manifest.hostTensors[name],
    finish: () => store.putManifest({ ...manifest, lastUsed: Date.now() }),
  };
}

/** Makes slabs from the GGUF and stores them on the way; those that an interrupted import left are read back instead. */
export async function importingReader(store: Store, source: ByteSource, header: Header, layout: Layout, about: Pick<Manifest, 'id' | 'name' | 'urls' | 'header'>, hostTensors: string[]): Promise<WeightsReader> {
  const vectors: Manifest['hostTensors'] = {};
  for (const name of hostTensors) vectors[name] = await readVector(source, header.tensors.get(name)!);
  const done = await store.storedSlabs(about.id);
  const manifest: Manifest = {
    ...about, layoutVersion, fileBytes: header.fileBytes, hostTensors: vectors,
    slabBytes: layout.slabs.map((slab) => slab.byteLength), slabHashes: [], complete: false, lastUsed: Date.now(),
  };
  await store.putManifest(manifest);
  return {
    fromStore: false,
    async readSlab(index, signal) {
      const hash = done.get(index);
      if (hash !== undefined) return store.readSlab(about.id, index, hash);
      const bytes = await importSlab(source, header, layout, layout.slabs[index], signal);
      done.set(index, await store.putSlab(about.id, index, bytes));
      return bytes;
    },
    hostTensor: async (name) => vectors[name],
    finish: () => store.putManifest({ ...manifest, slabHashes: layout.slabs.map((_, i) => done.get(i)!), complete: true, lastUsed: Date.now() }),
  };
}
