// The fourth value of a load: a chosen model with where each of its bytes will be. Nothing is on the GPU.
import { BudgetError } from '../../../errors.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { type ActivationSizes } from '../../../model/activations.ts';
import { type ChosenModel } from '../chosen.ts';
import { type OpenedModel } from '../opened.ts';
import { type ModelOptions } from '../options.ts';
import { type Plan, plan } from './plan.ts';

export interface PlannedModel {
  readonly chosen: ChosenModel;
  readonly plan: Plan;
  /** Of the buffers between operations. */
  readonly sizes: ActivationSizes;
}

/** The plan for a model on this device. */
export const planFor = (gpu: Gpu, opened: OpenedModel, options: ModelOptions): Plan =>
  plan(opened, { ...options, maxBufferBytes: gpu.device.limits.maxBufferSize, maxBindingBytes: gpu.maxBindingBytes });

/** BudgetError if the model does not run within the budget: what does not fit and what would. */
export function planModel(chosen: ChosenModel): PlannedModel {
  const { gpu, opened, options, choice, kv } = chosen;
  const inSteps = (chunk: number) => planFor(gpu, opened, { ...options, choice, kv, chunk });
  // Where weights are streamed, no step is too long.
  const short = inSteps(Math.min(options.chunk, choice.chunk));
  const found = short.verdict === 'fits' ? short : inSteps(options.chunk);
  if (found.verdict === 'refused') throw new BudgetError(found.reason);
  const { chunk, stretch, heldBytes, context, logitsRows } = found;
  const { segments, sorted } = options;
  return { chosen, plan: found, sizes: { chunk, context, logitsRows, segments, sorted, ...(heldBytes && { stretch, heldBytes }) } };
}
