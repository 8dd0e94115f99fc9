// Values by key that outlive the page: an object store of IndexedDB. Knows nothing of models.
import { createStore, delMany, get, getMany, keys, set, setMany, update } from 'idb-keyval';

export interface Records<T> {
  get(key: string): Promise<T | undefined>;
  getMany(keys: string[]): Promise<(T | undefined)[]>;
  keys(): Promise<string[]>;
  set(key: string, value: T): Promise<void>;
  /** All of them or none. */
  setMany(entries: [key: string, value: T][]): Promise<void>;
  /** Reads and writes in one transaction, so that no other writer's change is lost. What is not there stays so, and is undefined. */
  change(key: string, change: (value: T) => T): Promise<T | undefined>;
  /** All of them or none. */
  remove(keys: string[]): Promise<void>;
}

/** One database each: idb-keyval makes one object store per database. */
export function openRecords<T>(database: string, name = 'records'): Records<T> {
  const store = createStore(database, name);
  return {
    get: (key) => get<T>(key, store),
    getMany: (wanted) => getMany<T>(wanted, store),
    keys: () => keys<string>(store),
    set: (key, value) => set(key, value, store),
    setMany: (entries) => setMany(entries, store),
    async change(key, change) {
      let changed: T | undefined;
      const gone = new Error(`There is no record ${key}.`);
      await update<T>(key, (value) => {
        if (value === undefined) throw gone; // else an empty record would be made
        return (changed = change(value));
      }, store).catch((error: unknown) => {
        if (error !== gone) throw error;
      });
      return changed;
    },
    remove: (unwanted) => delMany(unwanted, store),
  };
}
