// Whether a model fits the browser's storage, before any of it is downloaded; and which stored models could go.
import { BudgetError } from '../errors.ts';
import { type Layout } from './layout.ts';
import { type Manifest, type Store } from './store.ts';

/** Bytes that a store needs besides the slabs: manifests with their headers, the database's own. */
const marginBytes = 32 * 2 ** 20;

/** Throws BudgetError with both numbers if what is still missing of the model does not fit. */
export async function checkQuota({ store, estimate }: { store?: Store; estimate?: () => Promise<StorageEstimate> }, id: string, layout: Layout): Promise<void> {
  const { quota, usage = 0 } = (await estimate?.()) ?? {};
  if (!store || quota === undefined) return;
  let need = layout.byteLength + marginBytes;
  for (const slab of (await store.slabs(id)).keys()) need -= layout.slabs[slab]?.byteLength ?? 0;
  const free = Math.max(0, quota - usage);
  if (need <= free) return;
  const others = leastUsed(await store.manifests(), id, need - free);
  const advice = others.length > 0
    ? `Deleting ${others.map((model) => `${model.name} (${bytesOf(model)} bytes)`).join(', ')}, not used for longest, would make room.`
    : 'Free disk space, or choose a smaller model.';
  throw new BudgetError(`The model needs ${need} more bytes of the browser's storage; ${free} bytes are free (${usage} of ${quota} are used). ${advice}`);
}

/** The models that have not been used for longest, as many as it takes to free `needBytes`; none if all together do not. */
export function leastUsed(manifests: Manifest[], except: string, needBytes: number): Manifest[] {
  const chosen: Manifest[] = [];
  for (const manifest of manifests.filter(({ id }) => id !== except).sort((a, b) => a.lastUsed - b.lastUsed)) {
    if (needBytes <= 0) break;
    chosen.push(manifest);
    needBytes -= bytesOf(manifest);
  }
  return needBytes <= 0 ? chosen : [];
}

const bytesOf = ({ slabBytes }: Manifest): number => slabBytes.reduce((a, b) => a + b, 0);
