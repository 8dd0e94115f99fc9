// Several tabs and one store: one of them imports a model while the others wait, and a model in use is not deleted.
// https://developer.mozilla.org/docs/Web/API/Web_Locks_API. Where there are no locks (Node), there is one process.
import { RequestError } from '../../errors.ts';
import { type ImportProgress } from '../import/import-job.ts';

const importLock = (id: string) => `windrow/import/${id}`;
const useLock = (id: string) => `windrow/use/${id}`;

interface Waiting {
  /** Called when another tab is found importing, and then with its progress. */
  onWaiting: (progress?: ImportProgress) => void;
  signal?: AbortSignal;
}

/** Runs `work` when no other tab imports the model; it tells the others its progress by `tell`. A tab that dies frees the lock. */
export async function withImportLock<T>(
  locks: LockManager | undefined,
  id: string,
  { onWaiting, signal }: Waiting,
  work: (tell: (progress: ImportProgress) => void) => Promise<T>,
): Promise<T> {
  if (!locks) return work(() => {});
  const channel = new BroadcastChannel(importLock(id));
  let last = -Infinity;
  const tell = (progress: ImportProgress): void => {
    if (performance.now() - last < 250) return;
    last = performance.now();
    channel.postMessage(progress);
  };
  try {
    const first = await locks.request(importLock(id), { ifAvailable: true }, async (lock) => (lock ? { value: await work(tell) } : undefined));
    if (first) return first.value;
    onWaiting();
    channel.onmessage = ({ data }: MessageEvent<ImportProgress>) => onWaiting(data);
    return await locks.request(importLock(id), { signal }, () => {
      channel.onmessage = null;
      return work(tell);
    });
  } finally {
    channel.close();
  }
}

/** Marks a model as read by this tab until the returned function is called. Waits for a deletion that is under way. */
export async function holdModel(locks: LockManager | undefined, id: string): Promise<() => void> {
  if (!locks) return () => {};
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await new Promise<void>((held, failed) => {
    locks.request(useLock(id), { mode: 'shared' }, () => {
      held();
      return released;
    }).catch(failed);
  });
  return release;
}

/** Runs `work` while no tab imports or reads the model; RequestError if one does. */
export async function whileUnused<T>(locks: LockManager | undefined, id: string, work: () => Promise<T>): Promise<T> {
  if (!locks) return work();
  const inUse = () => new RequestError('The model is in use, perhaps by another tab. Close it there, then try again.', { code: 'model_in_use' });
  return locks.request(importLock(id), { ifAvailable: true }, (noImport) => {
    if (!noImport) throw inUse();
    return locks.request(useLock(id), { ifAvailable: true }, (noReader) => {
      if (!noReader) throw inUse();
      return work();
    });
  });
}

/**
 * Runs `work` while no other tab measures the GPU, as what one does shows in the times of the other; all the same if one has held it up for `mostMs`.
 */
export async function whileNoneMeasures<T>(locks: LockManager | undefined, mostMs: number, work: () => Promise<T>): Promise<T> {
  if (!locks) return work();
  const signal = AbortSignal.timeout(mostMs);
  let begun = false;
  try {
    return await locks.request('windrow/measure', { signal }, () => {
      begun = true;
      return work();
    });
  } catch (error) {
    if (begun || !signal.aborted) throw error;
    return work();
  }
}

/** Runs `work`, which reads notes and writes them, while no other tab does. */
export const whileNoneNotes = <T>(locks: LockManager | undefined, work: () => Promise<T>): Promise<T> =>
  (locks ? locks.request('windrow/notes', work) : work());
