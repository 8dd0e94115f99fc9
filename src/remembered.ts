// What is made once for each key and then remembered, but for what came to nothing: whoever asks next has it made again.

/** A Map or a WeakMap. */
interface Known<K, V> {
  get(key: K): Promise<V> | undefined;
  set(key: K, value: Promise<V>): unknown;
  delete(key: K): boolean;
}

/** Of `key` what `make` gave for it before, or gives now. */
export function remembered<K, V>(known: Known<K, V>, key: K, make: () => Promise<V>): Promise<V> {
  const found = known.get(key);
  if (found) return found;
  const made = make();
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}
