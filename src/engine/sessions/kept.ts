// What is kept of conversations: their states under names, within a number of bytes. Knows no GPU; where it is kept is handed in.
import { BudgetError, RequestError } from '../../errors.ts';
import { type PageKinds, encodeParts } from '../../kv/saved/coding/coded.ts';
import { type KeptSession } from '../../protocol.ts';

export interface Kept extends KeptSession {
  /** What the caller keeps with it. */
  about: string;
}

/** What has a name: its first part, which tells of the others, and all of them, which are read when they are asked for; undefined where they went meanwhile. */
export interface KeptState {
  kept: Kept;
  first: Uint8Array;
  parts(): Promise<Uint8Array[] | undefined>;
}

/** Where states are kept, each in parts that are there all together or not at all. */
export interface KeptStore {
  list(): Promise<Kept[]>;
  /** In place of what has the name, which stays as it is where this fails: with a DOMException QuotaExceededError, or an ENOSPC, where there is no room. */
  write(kept: Kept, parts: readonly Uint8Array[]): Promise<void>;
  /** RequestError where its first part is damaged. */
  read(name: string): Promise<KeptState | undefined>;
  touch(name: string, lastUsed: number): Promise<void>;
  remove(name: string): Promise<void>;
}

const byUse = <K extends KeptSession>(all: readonly K[]): K[] => all.toSorted((a, b) => a.lastUsed - b.lastUsed);

export const listKept = async (store: KeptStore): Promise<KeptSession[]> =>
  byUse(await store.list()).map(({ name, model, modelName, adapters, byteLength, tokens, lastUsed }) =>
    ({ name, model, modelName, ...(adapters && { adapters }), byteLength, tokens, lastUsed }));

const bytesOf = (all: readonly { byteLength: number }[]): number => all.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Which others go for what is kept. */
export interface Going {
  /** Where all have more bytes than they may; all by default. */
  mayGo?(other: Kept): boolean;
  /** In any case, as it takes their place; none by default. */
  takesPlaceOf?(other: Kept): boolean;
}

/**
 * Keeps a state in place of what it `takesPlaceOf`; where all then have more than `mostBytes`, those go that were not used for longest, of those that
 * `mayGo`. Where it cannot be kept, all stays as it was.
 */
export async function keep(
  store: KeptStore, kept: Kept, parts: readonly Uint8Array[], mostBytes: number, { mayGo = () => true, takesPlaceOf = () => false }: Going = {},
): Promise<void> {
  const others = byUse((await store.list()).filter(({ name }) => name !== kept.name));
  const before = others.filter(takesPlaceOf);
  const going = [...before, ...others.filter((other) => !before.includes(other) && mayGo(other))];
  if (kept.byteLength + bytesOf(others) - bytesOf(going) > mostBytes)
    throw new BudgetError(
      `The state of the conversation has ${kept.byteLength} bytes; those that are kept may have ${mostBytes} together. Allow more, or do without ` +
      'keeping it.',
      { code: 'storage_quota' },
    );
  try {
    await store.write(kept, parts);
  } catch (error) {
    const { name, code } = error as { name?: string; code?: unknown };
    if (name !== 'QuotaExceededError' && code !== 'ENOSPC') throw error;
    throw new BudgetError(
      `The storage has no room for the ${kept.byteLength} bytes of the conversation's state beside what is kept. Remove what is not needed, or do without ` +
      'keeping it.',
      { code: 'storage_full', cause: error },
    );
  }
  let sum = kept.byteLength + bytesOf(others);
  for (const [i, other] of going.entries()) {
    if (i >= before.length && sum <= mostBytes) break;
    await store.remove(other.name);
    sum -= other.byteLength;
  }
}

/** As `keep`, of what was just saved; `compact`: coded, where that is smaller. `kinds`: of the parts behind the header. */
export async function keepParts(
  store: KeptStore, { about, ...of }: Omit<Kept, 'byteLength' | 'lastUsed'>, { parts, kinds }: { parts: readonly Uint8Array[]; kinds: PageKinds },
  { mostBytes = Infinity, compact = false, ...going }: { mostBytes?: number; compact?: boolean } & Going = {},
): Promise<KeptSession> {
  const stored = compact ? await encodeParts(parts, kinds) : parts;
  const kept = { ...of, byteLength: bytesOf(stored), lastUsed: Date.now() };
  await keep(store, { ...kept, about }, stored, mostBytes, going);
  return kept;
}

/** What has the name, which is now the last used. RequestError if nothing has, it is damaged, or it goes before its parts are read. */
export async function readKept(store: KeptStore, name: string, now: number): Promise<Omit<KeptState, 'parts'> & { parts(): Promise<Uint8Array[]> }> {
  const need = <T>(found: T | undefined): T => {
    if (found === undefined) throw new RequestError(`No conversation is kept as ${JSON.stringify(name)}.`, { code: 'not_found' });
    return found;
  };
  const { kept, first, parts } = need(await store.read(name));
  await store.touch(name, now);
  return { kept, first, parts: async () => need(await parts()) };
}
