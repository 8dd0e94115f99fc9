// Kept states in IndexedDB: a record of what each is, and one for each of its parts, so that none is larger than a layer. What is written
// has keys of its own, and takes the place of what had the name in the transaction that tells so.
import { randomId } from '../../random.ts';
import { type Records, openRecords } from '../../weights/store/records.ts';
import { type Kept, type KeptStore } from './kept.ts';

/** `id`: what the keys of its parts are made of; `parts`: how many. */
type About = Kept & { id: string; parts: number };

const aboutKey = (name: string) => `about ${name}`;
const partKey = (id: string, part: number) => `part ${part} ${id}`;
const partKeysOf = ({ id, parts }: About) => Array.from({ length: parts }, (_, i) => partKey(id, i));

export function createKeptRecords(records: Records<About | Uint8Array>): KeptStore {
  const about = async (name: string) => (await records.get(aboutKey(name))) as About | undefined;
  const aboutsOf = async (keys: readonly string[]): Promise<About[]> => {
    const found = await records.getMany(keys.filter((key) => key.startsWith(aboutKey(''))));
    return (found as (About | undefined)[]).filter((each) => each !== undefined);
  };
  /** Removes parts that nothing names: of what was replaced, here or by another tab. Keys are read first: parts and who names them come together. */
  const sweep = async (): Promise<void> => {
    const keys = await records.keys();
    const named = new Set((await aboutsOf(keys)).flatMap(partKeysOf));
    const unnamed = keys.filter((key) => key.startsWith('part ') && !named.has(key));
    if (unnamed.length) await records.remove(unnamed);
  };
  return {
    list: async () => aboutsOf(await records.keys()),
    async write(kept, parts) {
      const id = randomId();
      const entries = parts.map((part, i): [string, Uint8Array] => [partKey(id, i), part]);
      await records.setMany([[aboutKey(kept.name), { ...kept, id, parts: parts.length }], ...entries]);
      await sweep().catch(() => {}); // it is kept; the next one sweeps too
    },
    async read(name) {
      const there = await about(name);
      if (!there) return undefined;
      const keys = partKeysOf(there);
      const first = (await records.get(keys[0])) as Uint8Array | undefined;
      if (!first) return undefined;
      return {
        kept: there, first,
        async parts() {
          const others = (await records.getMany(keys.slice(1))) as (Uint8Array | undefined)[];
          return others.every((part) => part !== undefined) ? [first, ...others] : undefined;
        },
      };
    },
    async touch(name, lastUsed) {
      await records.change(aboutKey(name), (kept) => ({ ...(kept as About), lastUsed }));
    },
    async remove(name) {
      const there = await about(name);
      if (there) await records.remove([aboutKey(name), ...partKeysOf(there)]);
    },
  };
}

export const openKeptRecords = (): KeptStore => createKeptRecords(openRecords('windrow-sessions'));
