// Whether a model fits the browser's storage, before any of it is downloaded.
import { BudgetError } from '../../errors.ts';
import { leastUsed, marginBytes } from '../../room.ts';
import { type Layout } from '../layout.ts';
import { type Store } from '../store/store.ts';

/** Throws BudgetError with both numbers if what is still missing of the model does not fit. */
export async function checkQuota({ store, estimate }: { store?: Store; estimate?: () => Promise<StorageEstimate> }, id: string, layout: Layout): Promise<void> {
  const { quota, usage = 0 } = (await estimate?.()) ?? {};
  if (!store || quota === undefined) return;
  let need = layout.byteLength + marginBytes;
  for (const slab of (await store.slabs(id)).keys()) need -= layout.slabs[slab]?.byteLength ?? 0;
  const free = Math.max(0, quota - usage);
  if (need <= free) return;
  const kept = (await store.manifests()).filter((other) => other.id !== id);
  const others = leastUsed(kept.map(({ name, lastUsed, slabBytes }) => ({ name, lastUsed, byteLength: slabBytes.reduce((a, b) => a + b, 0) })), need - free);
  const advice = others.length > 0
    ? `Deleting ${others.map((model) => `${model.name} (${model.byteLength} bytes)`).join(', ')}, not used for longest, would make room.`
    : 'Free disk space, or choose a smaller model.';
  throw new BudgetError(`The model needs ${need} more bytes of the browser's storage; ${free} bytes are free (${usage} of ${quota} are used). ${advice}`, {
    code: 'storage_quota',
  });
}
