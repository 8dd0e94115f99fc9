// The budgets at which a model is compared with itself: what is always needed, and a share of the weights.
import { type OpenedModel } from '../load/opened.ts';
import { type PlanOptions, plan } from '../load/plan/plan.ts';
import { smallestBudget } from '../load/plan/refusal.ts';

/** Budgets that hold the fixed part (keys and values, activations, parameters, the least staging) and so much of the weights. */
export function sweepBudgets(opened: OpenedModel, options: Omit<PlanOptions, 'budgetBytes'>): { name: string; budgetBytes: number }[] {
  const weights = opened.layout.byteLength;
  const whole = fixedAndWeights(opened, options);
  const shares = [1, 0.75, 0.5, 0.25].map((share) => ({ name: `${100 * share} %`, budgetBytes: Math.ceil(whole - (1 - share) * weights) }));
  return [...shares, { name: 'smallest', budgetBytes: smallestBudget(opened, options) }];
}

/** The least budget at which all weights stay on the GPU beside all that was asked for. */
function fixedAndWeights(opened: OpenedModel, options: Omit<PlanOptions, 'budgetBytes'>): number {
  let least = opened.layout.byteLength;
  const all = plan(opened, { ...options, budgetBytes: Infinity });
  let enough = all.totalBytes;
  while (enough - least > 1024) {
    const middle = Math.floor((least + enough) / 2);
    const { verdict, logitsRows } = plan(opened, { ...options, budgetBytes: middle });
    if (verdict === 'fits' && logitsRows === all.logitsRows) enough = middle;
    else least = middle;
  }
  return enough;
}
