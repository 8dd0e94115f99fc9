// What is kept with a model beside its weights: which experts it used lately, by which its next plans go, and how far back its heads look. Of a
// model that is not kept, or is kept encrypted, nothing is.
import { hasColumns } from '../weights/layout.ts';
import { type Uses } from '../weights/stream/items/uses.ts';
import { type Host } from './engine.ts';
import { type Line } from './load/line.ts';
import { type OpenedModel, nameOf } from './load/opened.ts';

export interface ModelRecords<T> {
  get(key: string): Promise<T | undefined>;
  set(key: string, value: T): Promise<void>;
  remove?(keys: string[]): Promise<void>;
}

/** What is kept, by its name in `Host`. */
export interface KeptWithModel {
  /** Which experts models used lately. */
  uses?: ModelRecords<Uses>;
  /** (layer, kv head): how far back heads look, as policies that tell them apart ask. */
  heads?: ModelRecords<number[][]>;
}

type Value<What extends keyof KeptWithModel> = NonNullable<KeptWithModel[What]> extends ModelRecords<infer T> ? T : never;
type Kept = KeptWithModel & Pick<Host, 'store'>;

const recordsOf = <What extends keyof KeptWithModel>(host: Kept, what: What) => host[what] as ModelRecords<Value<What>> | undefined;

type Opened = Pick<OpenedModel, 'header' | 'layout'>;

/** Where models are stored, by their id; elsewhere, as on the command line, by name and size, and whether single neurons are read. */
const keyOf = ({ header, layout }: Opened, id?: string): string =>
  id ?? `${nameOf(header, '')}|${header.fileBytes}${hasColumns(layout) ? '|neurons' : ''}`;

/** Undefined if nothing was kept. `id`: of the stored model. */
export async function keptWith<What extends keyof KeptWithModel>(what: What, host: Kept, opened: Opened, id?: string): Promise<Value<What> | undefined> {
  return host.store && id === undefined ? undefined : recordsOf(host, what)?.get(keyOf(opened, id)).catch(() => undefined);
}

/** Keeps it; where that fails it is found out again. */
export async function keepWith<What extends keyof KeptWithModel>(
  what: What,
  host: Kept,
  { options, opened, weights }: Pick<Line, 'options' | 'opened' | 'weights'>,
  value: Value<What> | undefined,
): Promise<void> {
  if (value === undefined || options.encryption || (host.store && !weights.fromStore)) return;
  await recordsOf(host, what)?.set(keyOf(opened, weights.fromStore ? weights.id : undefined), value).catch(() => {});
}

/** Forgets all of it, with the stored model. */
export async function forgetWith({ uses, heads }: KeptWithModel, id: string): Promise<void> {
  await uses?.remove?.([id]);
  await heads?.remove?.([id]);
}
