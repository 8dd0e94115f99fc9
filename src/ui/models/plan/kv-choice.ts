// How conversations of the next load are remembered, as the visitor chose. Kept by the browser; no elements.
import { kvFormats } from '../../../kv/formats/catalogue.ts';
import { policyNames } from '../../../kv/policies/names.ts';
import { type KvType } from '../../../protocol.ts';
import { keepChoice, keptChoice } from './kept-choice.ts';

const key = 'windrow-kv';

export interface KvChoice {
  /** As `kv` of a load; empty leaves it to windrow. */
  value: KvType;
  words: string;
}

/**
 * The plain ones, from most to least room. Which format or policy each is, and what it loses, is by what was measured
 * on SmolLM2-135M (docs/kv.md, "What it costs"): of those that take about as much, the one that finds again most of what was said.
 */
export const plainChoices: readonly KvChoice[] = [
  { value: '', words: 'Full: everything, exactly' },
  { value: 'q8', words: 'Half the room: everything, with next to no loss' },
  { value: 'kivi4', words: 'A third of the room: everything, with a little loss' },
  { value: 'duo-kivi', words: 'A sixth of the room: what was said is found again, other words may differ' },
  { value: 'streaming', words: 'As long as it fits: a chat goes on, and what was said long ago is forgotten' },
];

const isPlain = (name: string): boolean => plainChoices.some(({ value }) => value === name);

/** All others, for those who know them. */
export const otherChoices: readonly KvChoice[] = [...kvFormats.values(), ...policyNames.filter(({ special }) => !special)]
  .filter(({ name }) => !isPlain(name))
  .map(({ name, label }) => ({ value: name, words: `${name}: ${label}` }));

export const kvChoices: readonly KvChoice[] = [...plainChoices, ...otherChoices];

/** The choice, or undefined for windrow's own. */
export function keptKv(storage?: Pick<Storage, 'getItem'>): KvType | undefined {
  const kept = keptChoice(key, storage);
  return kvChoices.find(({ value }) => value === kept)?.value || undefined;
}

export const keepKv = (value: string, storage?: Pick<Storage, 'setItem' | 'removeItem'>): void => keepChoice(key, value, storage);
