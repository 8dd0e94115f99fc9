// A second model that guesses for a loaded one: found, and checked to have the same vocabulary; planned whole within the same budget; placed behind
// it on the same device, its bytes booked in the same ledger. A chunk of its own: most models are loaded without one.
import { BudgetError, RequestError, mib } from '../../errors.ts';
import { typesIn } from '../../gguf/header.ts';
import { getStrings } from '../../gguf/metadata.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type Gpu } from '../../gpu/device.ts';
import { createKernelCache } from '../../gpu/kernels.ts';
import { opsOf, statesOf } from '../../model/operations.ts';
import { type ModelSource } from '../../protocol.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type Host } from '../engine.ts';
import { chosenAs } from './chosen.ts';
import { type FoundModel, findModel } from './found.ts';
import { type LoadedModel, loadModel } from './load.ts';
import { type OpenedModel, nameOf, openModel, readAs } from './opened.ts';
import { type Chosen, type EngineOptions, type ModelOptions, optionsFor } from './options.ts';
import { checkLimits } from './plan/limits.ts';
import { type PlannedModel, planFor, planModel } from './plan/planned.ts';

/** What of it holds on any device. */
export interface OpenedDraft {
  readonly name: string;
  readonly found: FoundModel;
  readonly opened: OpenedModel;
}

/** What is asked of files is asked of the model's own. */
export const draftOptions = (options: EngineOptions): EngineOptions =>
  ({ ...options, sha256: undefined, fileBytes: undefined, adapters: undefined, speculation: undefined });

/** Finds it and reads its header. RequestError where it cannot draft for `target`. */
export async function openDraft(
  host: Pick<Host, 'store'>, source: ModelSource | ByteSource, options: EngineOptions, target: OpenedModel,
): Promise<OpenedDraft> {
  const found = await findModel(source, draftOptions(options), host.store);
  const opened = await openModel(found.files.header, readAs(found.manifest));
  const name = nameOf(opened.header, found.files.source.name);
  if (Object.keys(statesOf(opsOf(opened.graph))).length)
    throw new RequestError(`The draft model ${name} has a recurrent state, which cannot be set back where a guess was wrong. Choose one without.`);
  checkVocabulary(target.header.metadata, opened.header.metadata, name);
  return { name, found, opened };
}

/** Vocabularies of a family are filled up to different lengths, by tokens that no text has; llama.cpp allows as much. */
const mostFilled = 128;

/** RequestError unless every token that both have is the same. Guesses beyond the vocabulary of the model are none. */
export function checkVocabulary(target: OpenedModel['header']['metadata'], draft: OpenedModel['header']['metadata'], name: string): void {
  const [needed, has] = [target, draft].map((metadata) => getStrings(metadata, 'tokenizer.ggml.tokens', []));
  const advice = 'Choose a smaller model of the same family, or leave it out.';
  const refuse = (what: string) => new RequestError(`The draft model ${name} ${what}. ${advice}`);
  if (!needed.length || !has.length)
    throw refuse(`cannot be compared with the model: ${needed.length ? 'it' : 'the model'} has no vocabulary, and both need the same one`);
  if (Math.abs(needed.length - has.length) > mostFilled)
    throw refuse(`has a vocabulary of ${has.length} tokens; the model's has ${needed.length}, and both need the same one`);
  const other = has.findIndex((token, id) => id < needed.length && token !== needed[id]);
  if (other < 0) return;
  const [token, own] = [has[other], needed[other]].map((text) => JSON.stringify(text));
  throw refuse(`has ${token} as token ${other}; the model has ${own}, and both need the same vocabulary`);
}

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
 * tested with it, as a wrong guess changes no text. If anything fails, nothing is left of both.
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
    throw error;
  }
}
