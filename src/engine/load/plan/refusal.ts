// What to say of a model that does not run within a budget: the least that it needs, and the context that would do.
import { type BufferLimits, type Division, divisionsOf } from './division.ts';
import { divideSlots, groupBytes } from '../../../weights/stream/items/slot-groups.ts';
import { isOnDemand } from './on-demand.ts';
import { type OpenedModel } from '../opened.ts';
import { type FixedSizes, type PlanBytes, fixedBytes, planBytes, totalOf, uploadOf } from './plan-bytes.ts';
import { shareOf } from './shares.ts';

export const smallestChunk = 16;
export const smallestUpload = 64 * 1024;

/** The least budget with which the model runs, in steps of `chunk` tokens. */
export function smallestBudget(
  opened: OpenedModel,
  options: FixedSizes & BufferLimits,
  divisions: readonly Division[] = divisionsOf(opened, options, isOnDemand(opened, {})),
): number {
  const fixed = fixedBytes(opened.graph, options);
  const slotBytes = divisions[0].itemBytes ? groupBytes(divideSlots(opened.layout, 0, 1)) : 0;
  return slotBytes + Math.min(...divisions.map((division) => {
    const share = shareOf(division, 0, 1);
    return totalOf(planBytes(fixed, division, share, uploadOf(division, share, smallestUpload), options));
  }));
}

interface Refused extends FixedSizes, BufferLimits {
  budgetBytes: number;
}

/** Says why a model is refused. `whole`: what it would take with all weights. */
export function refusal(opened: OpenedModel, options: Refused, whole: { totalBytes: number; bytes: PlanBytes }, divisions: readonly Division[]): string {
  const { budgetBytes, context, sequences = 1, draft } = options;
  const least = (positions: number) => smallestBudget(opened, { ...options, context: positions, chunk: smallestChunk }, divisions);
  let shorter = 0;
  for (let step = 2 ** Math.ceil(Math.log2(context)); step >= 32; step /= 2) {
    if (shorter + step < context && least(shorter + step) <= budgetBytes) shorter += step;
  }
  const shorterContext = shorter >= 256 ? `a context of up to ${shorter} instead of ${context}, ` : '';
  const drafting = draft ? `, ${size(draft.plan.totalBytes)} for the model that drafts` : '';
  const positions = sequences > 1 ? `${sequences} times ${context}` : context;
  const needs = `${size(whole.totalBytes)} to hold it all; ${size(whole.bytes.kv)} are for keys and values of ${positions} tokens${drafting}`;
  return `The model needs at least ${size(least(context))} on the GPU (${needs}); the budget is ${size(budgetBytes)}. Choose ${shorterContext}a ` +
    'smaller model, or a larger budget.';
}

const size = (bytes: number) => (bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`);
