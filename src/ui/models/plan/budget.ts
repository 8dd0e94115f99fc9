// The GPU budget that the visitor chose for the next load. Kept by the browser; no elements.
import { keepChoice, keptChoice } from './kept-choice.ts';

const key = 'windrow-budget';
/** What the slider offers, in GiB; the first leaves it to windrow. */
export const budgets = [undefined, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24] as const;

export const budgetWords = (step: number): string => (budgets[step] === undefined ? 'as windrow chooses' : `${budgets[step]} GiB`);

/** A step of the slider; the first where none is kept. */
export const keptBudget = (storage?: Pick<Storage, 'getItem'>): number =>
  Math.max(0, budgets.indexOf(Number(keptChoice(key, storage) ?? NaN) as (typeof budgets)[number]));

export const keepBudget = (step: number, storage?: Pick<Storage, 'setItem' | 'removeItem'>): void => keepChoice(key, budgets[step]?.toString(), storage);

/** As the API takes it. */
export const budgetOf = (step: number): string | undefined => (budgets[step] === undefined ? undefined : `${budgets[step]}GiB`);
