// What a load is asked for, checked once and not changed after: budget, lengths, and the kernels to begin with.
import { RequestError } from '../../errors.ts';
import { type Gpu } from '../../gpu/device.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { type Shape } from '../../kv/shape.ts';
import { type OpenScratch } from '../../kv/tiers/scratch.ts';
import { type ActivationSizes } from '../../model/activations.ts';
import { type Graph } from '../../model/graph.ts';
import { hasState } from '../../model/operations.ts';
import { mostChosen } from '../../model/blocks/chosen-rows.ts';
import { type KernelChoice, chunks } from '../../model/choices/kernel-choice.ts';
import { type LoadOptions, type SpeculationOptions, type StoreCost } from '../../protocol.ts';
import { mostPerSubmit } from '../run/readback.ts';
import { defaultBudget, deviceMemory } from './plan/default-budget.ts';
import { guessBytes } from './plan/plan-bytes.ts';
import { kvOptionsFor } from './kv-options.ts';
import { type OpenedModel } from './opened.ts';
import { type PlannedModel } from './plan/planned.ts';

/** What changes how fast a model runs, and is there to measure that alone. */
export interface Experiment {
  /** `naive` reads, uploads, waits and computes in turn, to measure what reading ahead is worth. */
  loader?: 'ahead' | 'naive';
  /** Milliseconds added to reads of streamed weights, per byte, as by a slower device. */
  readDelay?: number;
  /** All experts pass through the GPU for every token, as dense layers do, to measure what fetching the chosen ones alone is worth. */
  allExperts?: boolean;
  /** Streamed slices are no larger, so that layers are cut: most bytes. Default: 64 MiB. */
  sliceBytes?: number;
  /** Over how many layers a step runs before it is told whether their experts are there, to measure what that is worth. Default: as many as pay. */
  layersAhead?: number;
  /** Is told which experts each section of a step uses, where they are fetched on demand: a trace, as plain numbers. */
  onExperts?(section: number, experts: readonly number[]): void;
  /** All guesses of next tokens are checked, whatever that costs. */
  allGuesses?: boolean;
  /** Tokens per submit while decoding, at most 16, however long that takes. Default: by measured time. */
  tokensPerSubmit?: number;
}

export interface EngineOptions extends LoadOptions {
  /** As `kernels` of text, as an earlier load chose them. */
  choice?: KernelChoice;
  /** Keep room for the logits of every token. */
  allLogits?: boolean;
  experiment?: Experiment;
}

/** As checked for one model and device. Its sizes are the most that was asked for; a plan may shorten steps. */
export interface ModelOptions extends ActivationSizes {
  budgetBytes: number;
  /** Sequences that may be full at the same time. Default 1. */
  sequences?: number;
  /** The kernels to begin with. */
  choice: KernelChoice;
  /** How keys and values are kept. */
  kv: KvFormat;
  /** Guesses of the next tokens; none if not given. */
  speculation?: SpeculationOptions;
  /** What guesses for it, if another model does. */
  draft?: PlannedModel;
  /** What a policy makes of them, if one was named. */
  shape?: Shape;
  /** Most bytes of keys and values of all sequences. */
  kvBudgetBytes?: number;
  /** Most bytes of streamed weights that stay in worker memory. Default 256 MiB. */
  ramBytes?: number;
  /** What reads of streamed weights cost: their size and how far ahead they are made follow from it. Default: a guess. */
  storeCost?: StoreCost;
  /** Makes files for pages of keys and values that worker memory has no room for. */
  scratch?: OpenScratch;
  /** What earlier runs used of experts, if it was kept: weights/stream/items/uses.ts. */
  uses?: unknown;
  experiment?: Experiment;
}

/** What tests may change of how a model runs. */
export type Chosen = Pick<ModelOptions, 'choice' | 'kv'>;

/** Of a shortened text: its beginning, some of its parts and its end have room there. */
const leastShortContext = 128;

/** More than are ever in one step are kept for their next turn. */
const mostSequences = 64;

/** `memoryBytes`: of the machine, as in `Host`. RequestError for what cannot be. */
export async function optionsFor(
  { graph }: OpenedModel,
  { device, software }: Pick<Gpu, 'device' | 'software'>,
  options: EngineOptions,
  choice: KernelChoice,
  memoryBytes?: number,
): Promise<ModelOptions> {
  const {
    budgetBytes = defaultBudget(device.limits, { deviceMemory: deviceMemory(), memoryBytes, software }),
    ramBytes,
    context,
    sequences = 1,
    allLogits,
    speculation,
    experiment,
  } = options;
  const most = graph.config.context;
  checkBudget(budgetBytes);
  if (context !== undefined && !(Number.isInteger(context) && context >= 1))
    throw new RequestError(`The context is ${context}; it has to be a whole number of at least 1.`);
  if (context !== undefined && context > most)
    throw new RequestError(`A context of ${context} was asked for; the model was trained for ${most}. Choose one up to that.`);
  if (!(Number.isInteger(sequences) && sequences >= 1 && sequences <= mostSequences))
    throw new RequestError(`sequences is ${sequences}; it has to be a whole number from 1 to ${mostSequences}.`);
  checkExperiment(experiment);
  // Logits of all tokens are for measurements, and large.
  const longest = allLogits ? 128 : options.kernels !== undefined || options.choice ? choice.chunk : Math.max(...chunks);
  const { chunk, ...kept } = await kvOptionsFor(graph, options, { context, chunk: longest, sequences, budgetBytes });
  checkSpeculation(speculation, graph, kept.context);
  if (kept.shape && speculation) throw new RequestError(`Guesses do not go with kv ${kept.shape.policy.name} yet. Leave out one of both.`);
  return {
    budgetBytes,
    ...kept,
    chunk,
    logitsRows: allLogits ? chunk : mostChosen,
    sequences,
    choice,
    ramBytes,
    speculation,
    experiment,
  };
}

export function checkBudget(budgetBytes: number): void {
  if (Number.isNaN(budgetBytes)) throw new RequestError('The budget is NaN; it has to be a number of bytes.');
}

function checkSpeculation(
  { most = 1, budgetBytes = Infinity, lookup = true, shortContext, draft }: SpeculationOptions = {}, graph: Graph, context: number,
): void {
  if (!(Number.isInteger(most) && most >= 1 && most < mostChosen))
    throw new RequestError(`speculation.most is ${most}; it has to be a whole number from 1 to ${mostChosen - 1}.`);
  if (!(budgetBytes >= 0)) throw new RequestError(`speculation.budgetBytes is ${budgetBytes}; it has to be a number of bytes.`);
  if (!lookup && shortContext === undefined && !draft)
    throw new RequestError('speculation.lookup is false and nothing else guesses. Give shortContext or draft, or leave speculation out.');
  const model = shortContext !== undefined ? 'shortContext' : draft && 'draft';
  if (model && hasState(graph))
    throw new RequestError(`speculation.${model} is given; the model has a recurrent state, for which nothing is guessed. Leave it out.`);
  if (model && budgetBytes < guessBytes(graph))
    throw new RequestError(
      `speculation.budgetBytes is ${budgetBytes}; a guess takes ${guessBytes(graph)} bytes, so speculation.${model} would guess nothing. ` +
      `Raise it, or leave ${model} out.`,
    );
  if (shortContext === undefined) return;
  if (!(Number.isInteger(shortContext) && shortContext >= leastShortContext && shortContext < context))
    throw new RequestError(
      `speculation.shortContext is ${shortContext}; it has to be a whole number from ${leastShortContext} on and less than the context of ${context}.`,
    );
}

function checkExperiment({ tokensPerSubmit }: Experiment = {}): void {
  if (tokensPerSubmit === undefined || (Number.isInteger(tokensPerSubmit) && tokensPerSubmit >= 1 && tokensPerSubmit <= mostPerSubmit)) return;
  throw new RequestError(`tokensPerSubmit is ${tokensPerSubmit}; it has to be a whole number from 1 to ${mostPerSubmit}.`);
}
