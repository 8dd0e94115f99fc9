// Where the slabs of a model come from: made from its GGUF each time, or read from the store.
import { InvalidFileError } from '../../errors.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type Header } from '../../gguf/header.ts';
import { importSlab, readVector } from '../import/pieces.ts';
import { type Layout } from '../layout.ts';
import { type Manifest, sha256, type Store } from './store.ts';
import { untilAborted } from '../../signals.ts';

export interface WeightsReader {
  /** The bytes of slab `index` of the layout. */
  readSlab(index: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** `length` bytes of slab `index` from `offset` on: some panels of a matrix. Cheap from the second read of a slab on. */
  readRange(index: number, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** A small tensor that the CPU reads. */
  hostTensor(name: string, signal?: AbortSignal): Promise<Float32Array>;
  /** Call when the weights have been loaded. */
  finish(): Promise<void>;
}

/** Reads the GGUF each time; keeps nothing. */
export function sourceReader(source: ByteSource, header: Header, layout: Layout): WeightsReader {
  const readSlab: WeightsReader['readSlab'] = (index, signal) => importSlab(source, header, layout, layout.slabs[index], signal);
  return {
    readSlab,
    readRange(index, offset, length, signal) {
      const slab = layout.slabs[index];
      return importSlab(source, header, layout, { ...slab, offset: slab.offset + offset, byteLength: length }, signal);
    },
    hostTensor: (name) => readVector(source, header.tensors.get(name)!),
    finish: async () => {},
  };
}

/** A reader that is still being opened, as while its model is imported: what is asked of it waits, at most until its signal. */
export function readerToCome(opening: Promise<WeightsReader>): WeightsReader {
  opening.catch(() => {}); // it may fail before anything is read; who opened it tells
  return {
    readSlab: async (index, signal) => (await untilAborted(opening, signal)).readSlab(index, signal),
    readRange: async (index, offset, length, signal) => (await untilAborted(opening, signal)).readRange(index, offset, length, signal),
    hostTensor: async (name, signal) => (await untilAborted(opening, signal)).hostTensor(name, signal),
    finish: async () => (await opening).finish(),
  };
}

/** Makes the slabs `indices` anew from the model's own files. */
export type Mend = (indices: number[], signal?: AbortSignal) => Promise<void>;

/**
 * Reads a complete stored model. Each slab's hash is checked at its first read; a wrong one is an InvalidFileError, told
 * after `mend` has put the slab right, so that the next read finds it whole.
 */
export function storedReader(store: Store, manifest: Manifest, mend?: Mend): WeightsReader {
  const checked = new Set<number>();
  async function readSlab(index: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    signal?.throwIfAborted();
    const bytes = await store.read(manifest.id, index).catch((error: unknown) => {
      if (error instanceof InvalidFileError) return undefined; // a record that cannot be decrypted
      throw error;
    });
    if (checked.has(index) && bytes?.byteLength === manifest.slabBytes[index]) return bytes;
    if (bytes && (await sha256(bytes)) === manifest.slabHashes[index]) {
      checked.add(index);
      return bytes;
    }
    throw await damaged(manifest, index, bytes !== undefined, mend, signal);
  }
  return {
    readSlab,
    async readRange(index, offset, length, signal) {
      if (!checked.has(index)) return (await readSlab(index, signal)).slice(offset, offset + length);
      signal?.throwIfAborted();
      const bytes = await store.read(manifest.id, index, offset, length);
      if (bytes?.byteLength !== length) throw await damaged(manifest, index, bytes !== undefined, mend, signal);
      return bytes;
    },
    hostTensor: async (name) => manifest.hostTensors[name],
    finish: async () => void (await store.changeManifest(manifest.id, (now) => ({ ...now, lastUsed: Date.now() }))),
  };
}

async function damaged(
  { id, name, slabHashes }: Manifest,
  index: number,
  there: boolean,
  mend: Mend | undefined,
  signal?: AbortSignal,
): Promise<InvalidFileError> {
  const state = there ? 'damaged: its SHA-256 differs from the one noted when it was stored' : 'missing';
  const what = `Part ${index + 1} of ${slabHashes.length} of the stored model ${name} (${id}) is ${state}.`;
  const without = 'It was imported from a file: load that file again to mend this part alone, or delete the model.';
  if (!mend) return new InvalidFileError(`${what} ${without}`, { code: 'stored_model_damaged' });
  try {
    await mend([index], signal);
    return new InvalidFileError(`${what} It has been mended from its source: load the model again.`, { code: 'stored_model_damaged' });
  } catch (error) {
    return new InvalidFileError(
      `${what} It could not be mended from its source: ${(error as Error).message} Try again, load the model's file, or delete the model.`,
      { code: 'stored_model_damaged' },
    );
  }
}

/** Makes slabs anew from `source`, which must be the file that was imported: a slab with another hash is not stored. */
export const mendFrom = (store: Store, manifest: Manifest, source: ByteSource, header: Header, layout: Layout): Mend => async (indices, signal) => {
  for (const index of indices) {
    const bytes = await importSlab(source, header, layout, layout.slabs[index], signal);
    const hash = await sha256(bytes);
    if (hash !== manifest.slabHashes[index])
      throw new InvalidFileError(
        `${source.name} is not the file that was stored: part ${index + 1} has the SHA-256 ${hash}; needed is ${manifest.slabHashes[index]}.`,
      );
    await store.putSlab(manifest.id, index, bytes, { hash, layoutVersion: manifest.layoutVersion });
  }
};
