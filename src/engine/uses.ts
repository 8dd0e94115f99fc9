// Which experts a model used lately is kept with it, so that its next plans go by that. Of a model that is not kept, or is kept encrypted,
// nothing is.
import { type Header } from '../gguf/header.ts';
import { type Uses } from '../weights/stream/items/uses.ts';
import { type Host } from './engine.ts';
import { type Line } from './load/line.ts';
import { nameOf } from './load/opened.ts';

export interface UsesRecords {
  get(key: string): Promise<Uses | undefined>;
  set(key: string, uses: Uses): Promise<void>;
  remove?(keys: string[]): Promise<void>;
}

/** Where models are stored, by their id; elsewhere, as on the command line, by name and size. */
const keyOf = (header: Header, id?: string): string => id ?? `${nameOf(header, '')}|${header.fileBytes}`;

type Kept = Pick<Host, 'uses' | 'store'>;

/** Undefined if nothing was kept. */
export const keptUses = ({ uses, store }: Kept, header: Header, id?: string): Promise<Uses | undefined> | undefined =>
  store && id === undefined ? undefined : uses?.get(keyOf(header, id)).catch(() => undefined);

export async function keepUses({ uses, store }: Kept, { options, opened: { header }, weights, model: { usesLog } }: Line): Promise<void> {
  if (!uses || !usesLog || options.encryption || (store && !weights.fromStore)) return;
  await uses.set(keyOf(header, weights.fromStore ? weights.id : undefined), usesLog.uses()).catch(() => {}); // a plan is then made as before
}
