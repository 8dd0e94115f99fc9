// What was measured of a model and its probes, text by text, in records of the browser, so that a row can be gone on with in another visit.
import { type Records } from '../../weights/store/records.ts';
import { type Pieces, piecesInMemory } from './pieces.ts';
import { type Paused, type Piece } from './row.ts';

/** A record's name is JSON of what it is measured of, what it is, which text, and under which policy. */
type Name = [of: string, what: 'piece' | 'logits' | 'paused', text: number, policy: string];

const namesOf = async (records: Records<unknown>, of: string): Promise<Name[]> =>
  (await records.keys()).map((key) => JSON.parse(key) as Name).filter(([of_]) => of_ === of);

/** `of`: what it is measured of. */
export async function piecesInRecords(records: Records<unknown>, of: string): Promise<Pieces> {
  const known = piecesInMemory();
  const keyOf = (...name: [Name[1], number, string]): string => JSON.stringify([of, ...name]);
  for (const [, what, text, policy] of await namesOf(records, of))
    if (what === 'piece') await known.keep(policy, text, (await records.get(keyOf(what, text, policy))) as Piece);
  return {
    of: known.of,
    async keep(policy, text, piece) {
      await known.keep(policy, text, piece);
      await records.set(keyOf('piece', text, policy), piece);
    },
    async logits(document, rows) {
      const found = (await records.get(keyOf('logits', document, ''))) as Float32Array[] | undefined;
      return found?.length === rows ? found : undefined;
    },
    keepLogits: (document, logits) => records.set(keyOf('logits', document, ''), [...logits]),
    paused: async (policy, text) => (await records.get(keyOf('paused', text, policy))) as Paused | undefined,
    async pause(policy, text, paused) {
      const key = keyOf('paused', text, policy);
      await (paused ? records.set(key, paused) : records.remove([key]));
    },
  };
}

/** Removes what is of nothing that `isWanted`. */
export async function forgetOthers(records: Records<unknown>, isWanted: (of: string) => boolean): Promise<void> {
  await records.remove((await records.keys()).filter((key) => !isWanted((JSON.parse(key) as Name)[0])));
}

export const forgetPieces = async (records: Records<unknown>, of: string): Promise<void> =>
  records.remove((await namesOf(records, of)).map((name) => JSON.stringify(name)));
