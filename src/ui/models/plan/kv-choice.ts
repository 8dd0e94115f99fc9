// How keys and values are kept after the next load, as the visitor chose. Kept by the browser; no elements.
import { kvFormats } from '../../../kv/formats/catalogue.ts';
import { policyNames } from '../../../kv/policies/names.ts';
import { type KvType } from '../../../protocol.ts';

const key = 'windrow-kv';

/** The first leaves it to windrow. */
export const kvChoices: { value: KvType; words: string }[] = [
  { value: '', words: 'as windrow chooses' },
  ...[...kvFormats.values(), ...policyNames.filter(({ special }) => !special)].map(({ name, label }) => ({ value: name, words: label })),
];

/** The choice, or undefined for windrow's own; also where nothing can be kept (a private window, say). */
export function keptKv(storage?: Pick<Storage, 'getItem'>): KvType | undefined {
  try {
    return kvChoices.find(({ value }) => value === (storage ?? localStorage).getItem(key))?.value || undefined;
  } catch {
    return undefined;
  }
}

export function keepKv(value: string, storage?: Pick<Storage, 'setItem' | 'removeItem'>): void {
  try {
    if (value === '') (storage ?? localStorage).removeItem(key);
    else (storage ?? localStorage).setItem(key, value);
  } catch {
    // then it holds for no load
  }
}
