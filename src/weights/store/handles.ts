// The files that are kept open for reading, the last used ones only: opening costs more than reading a few rows, and a
// process may have only so many open. Knows nothing of what they hold.

export interface Handles<H> {
  /** Does `work` with the file at `path`, opened if it is not; rejects as opening does. */
  use<T>(path: string, work: (handle: H) => Promise<T>): Promise<T>;
  /** Closes the file once all work with it has ended. */
  close(path: string): Promise<void>;
  /** The same of all whose path begins so. */
  closeAll(prefix: string): Promise<void>;
}

interface Entry<H> {
  opening: Promise<H>;
  users: number;
  /** Resolves when the last user of an entry that is to be closed has left. */
  unused?: () => void;
}

/** Most files open and unused. A model of 64 GB has 4,000 slabs; systems begin to refuse at 256 to 1,024 files. */
export const mostOpen = 64;

export function createHandles<H extends { close(): void }>(open: (path: string) => Promise<H>, most = mostOpen): Handles<H> {
  const entries = new Map<string, Entry<H>>(); // in the order of their last use

  async function close(path: string): Promise<void> {
    const entry = entries.get(path);
    if (!entry) return;
    entries.delete(path); // who asks from now on opens it anew
    if (entry.users > 0) await new Promise<void>((resolve) => (entry.unused = resolve));
    await entry.opening.then((handle) => handle.close(), () => {}); // one that never opened was told to its user
  }

  function closeOldest(): void {
    for (const [path, { users }] of entries) {
      if (entries.size <= most) return;
      if (users === 0) void close(path);
    }
  }

  return {
    async use(path, work) {
      const entry = entries.get(path) ?? { opening: open(path), users: 0 };
      entries.delete(path);
      entries.set(path, entry);
      entry.users++;
      closeOldest();
      try {
        return await work(await entry.opening.catch((error: unknown) => {
          if (entries.get(path) === entry) entries.delete(path); // the next one tries again
          throw error;
        }));
      } finally {
        entry.users--;
        if (entry.users === 0) entry.unused?.();
        closeOldest();
      }
    },
    close,
    closeAll: async (prefix) => void (await Promise.all([...entries.keys()].filter((path) => path.startsWith(prefix)).map(close))),
  };
}
