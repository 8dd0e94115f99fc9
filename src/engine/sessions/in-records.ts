// Kept states in IndexedDB: a record of what each is, and one for each of its parts, so that none is larger than a layer.
import { type Records, openRecords } from '../../weights/store/records.ts';
import { type Kept, type KeptStore } from './kept.ts';

/** `parts`: how many. */
type About = Kept & { parts: number };

const aboutKey = (name: string) => `about ${name}`;
const partKey = (name: string, part: number) => `part ${part} ${name}`;

export function createKeptRecords(records: Records<About | Uint8Array>): KeptStore {
  const about = async (name: string) => (await records.get(aboutKey(name))) as About | undefined;
  const keysOf = ({ name, parts }: About) => [aboutKey(name), ...Array.from({ length: parts }, (_, i) => partKey(name, i))];
  const remove = async (name: string): Promise<void> => {
    const there = await about(name);
    if (there) await records.remove(keysOf(there));
  };
  return {
    async list() {
      const keys = (await records.keys()).filter((key) => key.startsWith(aboutKey('')));
      return ((await records.getMany(keys)) as (About | undefined)[]).filter((each) => each !== undefined);
    },
    async write(kept, parts) {
      await remove(kept.name);
      const entries = parts.map((part, i): [string, Uint8Array] => [partKey(kept.name, i), part]);
      await records.setMany([[aboutKey(kept.name), { ...kept, parts: parts.length }], ...entries]);
    },
    async read(name) {
      const there = await about(name);
      if (!there) return undefined;
      const [, ...keys] = keysOf(there);
      const parts = (await records.getMany(keys)) as (Uint8Array | undefined)[];
      return parts.every((part) => part !== undefined) ? { kept: there, parts } : undefined;
    },
    async touch(name, lastUsed) {
      await records.change(aboutKey(name), (kept) => ({ ...(kept as About), lastUsed }));
    },
    remove,
  };
}

export const openKeptRecords = (): KeptStore => createKeptRecords(openRecords('windrow-sessions'));
