// The GPU budget that the visitor chose for the next load. Kept by the browser; no elements.

const key = 'windrow-budget';
/** What the slider offers, in GiB; the first leaves it to windrow. */
export const budgets = [undefined, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24] as const;

export const budgetWords = (step: number): string => (budgets[step] === undefined ? 'as windrow chooses' : `${budgets[step]} GiB`);

/** A step of the slider. Where nothing can be kept (a private window, say), the first. */
export function keptBudget(storage?: Pick<Storage, 'getItem'>): number {
  try {
    return Math.max(0, budgets.indexOf(Number((storage ?? localStorage).getItem(key)) as (typeof budgets)[number]));
  } catch {
    return 0;
  }
}

export function keepBudget(step: number, storage?: Pick<Storage, 'setItem' | 'removeItem'>): void {
  try {
    if (budgets[step] === undefined) (storage ?? localStorage).removeItem(key);
    else (storage ?? localStorage).setItem(key, String(budgets[step]));
  } catch {
    // then it holds for no load, which the slider shows when it is opened again
  }
}

/** As the API takes it. */
export const budgetOf = (step: number): string | undefined => (budgets[step] === undefined ? undefined : `${budgets[step]}GiB`);
