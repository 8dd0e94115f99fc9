// Whether a stored model is whole, and what is mended of it. A chunk of its own: it is seldom asked for.
import { RequestError } from '../../errors.ts';
import { type LoadOptions, type VerifyResult } from '../../protocol.ts';
import { findDamaged } from '../../weights/store/damaged.ts';
import { type Storage, holdStored, mendFromUrls, unlock } from './weights.ts';

/** Checks every slab of a stored model and mends what is damaged from the model's address. */
export async function verifyStored(storage: Storage, id: string, options: Pick<LoadOptions, 'encryption'>): Promise<VerifyResult> {
  const manifest = await storage.store?.manifest(id);
  if (!storage.store || !manifest?.complete) throw new RequestError(`There is no complete stored model ${id}.`, { code: 'not_found' });
  const store = await unlock(storage.store, manifest, options);
  const release = await holdStored(storage, id);
  try {
    const damaged = await findDamaged(store, manifest);
    const result = { damaged, parts: manifest.slabHashes.length, whole: damaged.length === 0 };
    const mend = mendFromUrls(store, manifest);
    if (result.whole || !mend) return result;
    await mend(damaged);
    return { ...result, whole: true };
  } finally {
    await release();
  }
}
