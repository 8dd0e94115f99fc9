// How many bytes of the GPU all conversations of the next load may take together, as the visitor chose. Kept by the browser; no elements.
import { keepChoice, keptChoice } from './kept-choice.ts';

const key = 'windrow-kv-budget';
/** What is offered, in MiB; the first leaves it to windrow. */
export const kvBudgets = [undefined, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192] as const;

export const kvBudgetWords = (mebibytes: (typeof kvBudgets)[number]): string =>
  mebibytes === undefined ? 'As the length of a conversation needs' : mebibytes < 1024 ? `${mebibytes} MiB` : `${mebibytes / 1024} GiB`;

/** As the API takes it; undefined for windrow's own. */
export function keptKvBudget(storage?: Pick<Storage, 'getItem'>): string | undefined {
  const kept = keptChoice(key, storage);
  return kvBudgets.some((each) => each !== undefined && String(each) === kept) ? `${kept}MiB` : undefined;
}

/** `value`: one of `kvBudgets` as text, or empty. */
export const keepKvBudget = (value: string, storage?: Pick<Storage, 'setItem' | 'removeItem'>): void => keepChoice(key, value, storage);
