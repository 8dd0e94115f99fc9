// A second model that guesses for a loaded one: planned whole within the same budget, placed behind it on the same device, its bytes booked in the same
// ledger. found-draft.ts finds and checks it.
import { BudgetError, hasCode, mib, reviveError } from '../../errors.ts';
import { typesIn } from '../../gguf/header.ts';
import { type Gpu } from '../../gpu/device.ts';
import { createKernelCache } from '../../gpu/kernels.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type Host } from '../engine.ts';
import { chosenAs } from './chosen.ts';
import { type FoundModel } from './found.ts';
import { type LoadedModel, loadModel } from './load.ts';
import { type OpenedModel, nameOf } from './opened.ts';
import { type Chosen, type EngineOptions, type ModelOptions, optionsFor } from './options.ts';
import { checkLimits } from './plan/limits.ts';
import { type PlannedModel, planFor, planModel } from './plan/planned.ts';

/** What of it holds on any device. */
export interface OpenedDraft {
  readonly name: string;
  readonly found: FoundModel;
  readonly opened: OpenedModel;
}

/** What is asked of files, and of how they are read, is asked of the model's own. */
export const draftOptions = (options: EngineOptions): EngineOptions =>
  ({ ...options, sha256: undefined, fileBytes: undefined, adapters: undefined, speculation: undefined, experts: undefined, activation: undefined });

/** Tokens of a step of its prompts: it has little room. */
const longestChunk = 128;

/** All of it on the GPU, for texts as long as those of the model. BudgetError where the budget has no room for that alone. */
export async function planDraft(
  host: Pick<Host, 'shaders'>, gpu: Gpu, { name, opened }: OpenedDraft, given: EngineOptions,
  { options: target, choice, kv }: Chosen & { options: ModelOptions },
): Promise<PlannedModel> {
  const context = Math.min(target.context, opened.graph.config.context);
  const asked = { ...draftOptions(given), budgetBytes: target.budgetBytes, context, kv: undefined, kvOptions: undefined, kvBudgetBytes: undefined };
  const own = await optionsFor(opened, gpu, { ...asked, sequences: 1, allLogits: false, experiment: undefined }, choice);
  const options = { ...own, kv, logitsRows: 1, chunk: Math.min(longestChunk, own.chunk) };
  const within = (budgetBytes: number) => planFor(gpu, opened, { ...options, choice, budgetBytes });
  if (within(target.budgetBytes).verdict !== 'fits')
    throw new BudgetError(
      `The draft model ${name} needs ${mib(within(Infinity).totalBytes)} to be whole on the GPU, as it has to be beside the model; the budget is ` +
      `${mib(target.budgetBytes)}. Choose a smaller one, a shorter context or a larger budget, or leave it out.`,
    );
  const kernels = createKernelCache(gpu.device, host.shaders, typesIn(opened.header));
  const planned = planModel({ ...chosenAs(gpu, opened, options, kernels), choice });
  const { totalBytes } = planned.plan;
  checkLimits(opened, gpu, { ...options, ...planned.sizes });
  return { ...planned, chosen: { ...planned.chosen, options: { ...options, budgetBytes: totalBytes } } };
}

/** As it was planned, for another device of the same adapter. */
export const draftOn = (host: Pick<Host, 'shaders'>, gpu: Gpu, { chosen, ...plan }: PlannedModel): PlannedModel =>
  ({ ...plan, chosen: { ...chosen, gpu, kernels: createKernelCache(gpu.device, host.shaders, typesIn(chosen.opened.header)) } });

/**
 * The model with the one that drafts for it, as planned, which is freed with it. Its kernels are those that the model was measured with; they are not
 * tested with it, as a wrong guess changes no text. If anything fails, nothing is left of both; what of the draft fails is told by its name.
 */
export async function withDraft(model: LoadedModel, planned: PlannedModel, reader: () => Promise<WeightsReader>, signal?: AbortSignal): Promise<LoadedModel> {
  const { ledger, choice } = model;
  try {
    const draft = await loadModel({ ...planned, chosen: { ...planned.chosen, choice } }, await reader(), { signal, within: { ledger, purpose: 'draft' } });
    const destroy = async () => {
      await draft.destroy();
      await model.destroy();
    };
    return { ...model, draft, destroy };
  } catch (error) {
    await model.destroy();
    throw signal?.aborted || hasCode(error, 'gpu_lost') ? error : ofDraft(planned, error as Error);
  }
}

/** An error of the same class and code, which a load goes by. */
function ofDraft({ chosen: { opened: { header } } }: PlannedModel, error: Error): Error {
  const { name, code } = error as Error & { code?: string };
  const message = `The draft model ${nameOf(header, 'that was given')} could not be loaded. Choose another one, or leave it out: ${error.message}`;
  return Object.assign(reviveError({ name, message, code }), { cause: error });
}
