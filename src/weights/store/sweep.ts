// Takes away what a kill between two writes has left of models in storage, so that gigabytes that no list shows do not stay.
import { hasCode } from '../../errors.ts';
import { whileUnused } from './locks.ts';
import { type Store } from './store.ts';

/** Safe beside other tabs: what one of them imports or reads just now is left alone, and looked at again under the model's locks. */
export async function sweepStore(store: Store, locks: LockManager | undefined): Promise<void> {
  for (const id of await store.untidy()) {
    await whileUnused(locks, id, () => store.tidy(id)).catch((error: unknown) => {
      if (!hasCode(error, 'model_in_use')) throw error;
    });
  }
}
