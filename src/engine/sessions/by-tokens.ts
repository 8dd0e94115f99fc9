// What is kept of texts by their tokens, beside the conversations that somebody keeps: it gives way to its own kind alone, and where there is no room for it,
// it is made again the next time.
import { BudgetError } from '../../errors.ts';
import { sumOf } from '../../kv/saved/sum.ts';
import { type PageKinds } from '../../kv/saved/coding/coded.ts';
import { sharedPrefix } from '../run/sequences.ts';
import { type Text } from '../load/opened.ts';
import { type Kept, type KeptStore, keepParts } from './kept.ts';
import { type Placed, ofModel } from './states.ts';

export type Kind = 'document' | 'episode';

/** What a text is kept as. `model`: its id with its adapters. */
export function nameOf(kind: Kind, tokens: readonly number[], model: string): string {
  const bytes = new Uint8Array(Uint32Array.from(tokens).buffer);
  const sums = [bytes, bytes.toReversed(), new TextEncoder().encode(model)].map((each) => sumOf(each).toString(16).padStart(8, '0'));
  return `${kind} ${sums.join('')}`;
}

export const isSame = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && sharedPrefix(a, b) === a.length;

/** Tokens that are marks and no text, as of where a message begins. */
export const marksOf = ({ controlSpellings, find }: Pick<Text['tokenizer'], 'controlSpellings' | 'find'>): Set<number | undefined> =>
  new Set(controlSpellings.map((spelling) => find(spelling)));

export interface Aside extends Pick<Placed, 'info' | 'weights'> {
  name: string;
  tokens: number;
  parts: readonly Uint8Array[];
  kinds: PageKinds;
  /** What is told of it beside what is told of a conversation: `toldOf` gives it. */
  told?: Readonly<Record<string, unknown>>;
  /** Of its kind those that go as it is kept. */
  takesPlaceOf?(other: Kept): boolean;
}

/** As of a conversation in which nothing was said. */
const nothingSaid = { defaults: {}, messages: [] };

export const toldOf = ({ about }: Kept): Record<string, unknown> => JSON.parse(about) as Record<string, unknown>;

export async function keepAside(
  store: KeptStore, kind: Kind, { name, tokens, parts, kinds, told, takesPlaceOf, ...of }: Aside, how: { mostBytes?: number; compact?: boolean },
): Promise<void> {
  const { mostBytes, compact } = how;
  const about = JSON.stringify({ ...told, ...nothingSaid });
  const mayGo = (other: Kept) => new RegExp(`^${kind} [0-9a-f]{24}$`).test(other.name);
  const going = { mayGo, takesPlaceOf: (other: Kept) => mayGo(other) && takesPlaceOf?.(other) === true };
  try {
    await keepParts(store, { name, ...ofModel(of), tokens, about }, { parts, kinds }, { mostBytes, compact, ...going });
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
  }
}
