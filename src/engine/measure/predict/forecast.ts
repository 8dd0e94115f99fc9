// How fast a planned model will run, before any weight is there: measures what is not known yet about this GPU and the
// model's parts, and keeps it. The reckoning is predict.ts.
import { typesIn } from '../../../gguf/header.ts';
import { type Gpu, identityOf } from '../../../gpu/device.ts';
import { kernelsHash, typeHashes } from '../../../gpu/kernels.ts';
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type Shape } from '../../../kv/shape.ts';
import { type KernelChoice } from '../../../model/choices/kernel-choice.ts';
import { type OnDemandPlan, type Prediction, type StoreCost } from '../../../protocol.ts';
import { guessedCost } from '../../../weights/stream/cost-model.ts';
import { type OpenedModel } from '../../load/opened.ts';
import { defaultRamBytes } from '../../load/streaming.ts';
import { type GpuCosts, measureGpu } from '../measure-gpu.ts';
import { kindsOf } from '../tune/kinds.ts';
import { type Plan } from '../../load/plan/plan.ts';
import { predict } from './predict.ts';
import { kindOf } from '../probe.ts';
import { parseChoice } from '../tune/choice-text.ts';
import { type Tuning, notedChoice, openNotebook } from '../tune/tuning.ts';

/** Where the measured costs of models' parts are kept. */
export interface GpuCostRecords {
  get(key: string): Promise<GpuCosts | undefined>;
  set(key: string, costs: GpuCosts): Promise<void>;
}

export interface ForecastOptions {
  choice: KernelChoice;
  kv: KvFormat;
  /** Where a policy shapes keys and values: of what the processor has a part in, no speed is told, as none of it is measured. */
  shape?: Pick<Shape, 'away'>;
  /** These are the shapes that the load will use; else it may choose others. */
  fixed?: boolean;
  /** The load may choose no rounding that f32 has not. */
  exact?: boolean;
  ramBytes?: number;
  store?: StoreCost;
  /** Of a plan in which experts or neurons are fetched on demand (experts-forecast.ts). */
  onDemand?: OnDemandPlan;
  records?: GpuCostRecords;
  tuning?: Tuning;
  /** Measures although it was done before. */
  anew?: boolean;
  /** Runs what measures when nothing else uses the GPU: costs are kept for good. */
  alone?: <T>(measuring: () => Promise<T>) => Promise<T>;
}

/** In the middle of a conversation of some length. */
const usualPosition = 512;

/** Undefined if the model will not run, if the processor has a part in its tokens, or if the GPU could not measure it: a plan is worth having all the same. */
export async function forecast(gpu: Gpu, opened: OpenedModel, planned: Plan, options: ForecastOptions): Promise<Prediction | undefined> {
  if (planned.verdict === 'refused' || !gpu.computes || options.shape?.away.answers) return undefined;
  const costs = await knownOrMeasured(gpu, opened, options).catch(() => undefined);
  return costs && predictWith(costs, opened, planned, options);
}

function predictWith(costs: GpuCosts, opened: OpenedModel, planned: Plan, options: ForecastOptions): Prediction {
  const { store = guessedCost, ramBytes = defaultRamBytes, onDemand } = options;
  const position = Math.min(usualPosition, Math.floor(planned.context / 2));
  return predict(opened, planned, { gpu: costs, store }, { position, ramBytes, onDemand });
}

async function knownOrMeasured(gpu: Gpu, opened: OpenedModel, options: ForecastOptions): Promise<GpuCosts> {
  const { records, anew, kv, alone = (measuring) => measuring() } = options;
  const choices = await likelyChoices(gpu, opened, options);
  const key = keyOf(gpu, opened, kv, choices);
  const known = anew ? undefined : await records?.get(key);
  if (known) return known;
  const { costs } = await alone(() => measureGpu(gpu, opened, choices, kv));
  await records?.set(key, costs);
  return costs;
}

/** By which costs of these parts with these kernels are kept. */
function keyOf(gpu: Gpu, opened: OpenedModel, kv: KvFormat, choices: readonly KernelChoice[]): string {
  const { graph: { config: { heads, kvHeads, headDim, vocab } }, layout: { sections } } = opened;
  const kinds = new Set(sections.map(kindOf));
  const kernels = [kernelsHash(), ...Object.values(typeHashes(typesIn(opened.header)))];
  return [identityOf(gpu), ...kernels, heads, kvHeads, headDim, vocab, ...kinds, kv.name, JSON.stringify(choices)].join('|');
}

/** What was measured of this GPU and these parts before, and what follows for the speed: measures nothing. Undefined where nothing was. */
export async function knownForecast(
  gpu: Gpu, opened: OpenedModel, planned: Plan, options: ForecastOptions,
): Promise<{ costs: GpuCosts; predicted: Prediction } | undefined> {
  const { records, kv } = options;
  const costs = await records?.get(keyOf(gpu, opened, kv, await likelyChoices(gpu, opened, options)));
  return costs && { costs, predicted: predictWith(costs, opened, planned, options) };
}

/** What earlier loads found to be fast here, for these kinds of matrices or for others; else two that suit different devices. */
async function likelyChoices(gpu: Gpu, opened: OpenedModel, { choice, fixed, exact, tuning }: ForecastOptions): Promise<KernelChoice[]> {
  if (fixed) return [choice];
  const { notes } = await openNotebook(tuning, gpu, kernelsHash(), choice, { exact, types: typeHashes(typesIn(opened.header)) });
  const [usual] = Object.keys(notes.decode);
  if (usual === undefined) return [choice, parseChoice('splits=1,panels=4,dot=f32,prefill=rows,threads=32', choice)];
  const of = (kind: string) => ({ ...notedChoice(gpu, notes.decode[kind]), ...notedChoice(gpu, notes.prefill[kind]) });
  const kinds = [...kindsOf(opened).values()].flat();
  return [{ ...choice, ...of(usual), matrices: Object.fromEntries(kinds.map((kind) => [kind, of(kind)])) }];
}
