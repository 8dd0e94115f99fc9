// Finds what of a stored model is no longer as it was stored.
import { type Manifest, type Store, sha256 } from './store.ts';

/** Numbers of the slabs that are missing or whose hash is wrong. Reads every byte of the model. */
export async function findDamaged(store: Store, manifest: Manifest, onProgress?: (doneBytes: number) => void): Promise<number[]> {
  const found: number[] = [];
  let done = 0;
  for (const [index, hash] of manifest.slabHashes.entries()) {
    const bytes = await store.read(manifest.id, index).catch(() => undefined);
    if (!bytes || (await sha256(bytes)) !== hash) found.push(index);
    onProgress?.((done += manifest.slabBytes[index]));
  }
  return found;
}
