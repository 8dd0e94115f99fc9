// The line of a load walked from its beginning: found, opened, chosen, planned, placed, recorded, each value made from the
// one before. What holds on any device stays, so that the line can be walked again from there.
import { BudgetError, DeviceError, RequestError } from '../../errors.ts';
import { typesIn } from '../../gguf/header.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type Gpu, isLike, lossOf, openGpu } from '../../gpu/device.ts';
import { type KernelCache, createKernelCache } from '../../gpu/kernels.ts';
import { type ModelSource } from '../../protocol.ts';
import { createDelivery } from '../../weights/import/delivery.ts';
import { type Gate, createGate } from '../../weights/import/gate.ts';
import { readerToCome } from '../../weights/store/reader.ts';
import { type Host } from '../engine.ts';
import { choiceFor } from '../measure/tune/choice-text.ts';
import { type ChosenModel, choose, chooseAgain, chosenAs } from './chosen.ts';
import { type OpenedDraft, draftOn, draftOptions, planDraft, withDraft } from './draft.ts';
import { loadByGuess } from './plan/default-budget.ts';
import { type FoundModel, findModel, isSameSecret, isSameSource } from './found.ts';
import { checkLimits, checkUnkept } from './plan/limits.ts';
import { type LoadHooks, type LoadPart, type LoadedModel, loadModel } from './load.ts';
import { type OpenedModel, type Text, adapting, openAs, openedWith, textOf } from './opened.ts';
import { type EngineOptions, optionsFor } from './options.ts';
import { type PlannedModel, planModel } from './plan/planned.ts';
import { type Report } from './progress.ts';
import { keptWith } from '../kept-with-model.ts';
import { type OpenedWeights, openWeights } from './weights.ts';

/** What of a model holds on any device. */
export interface OpenedLine {
  readonly source: ModelSource | ByteSource;
  readonly options: EngineOptions;
  readonly found: FoundModel;
  /** As it is stored: without adapters. */
  readonly stored: OpenedModel;
  readonly opened: OpenedModel;
  readonly text: Text | undefined;
  /** What guesses for it, if another model does. */
  readonly draft?: OpenedDraft;
}

/** All that a loaded model was made from. */
export interface Line extends OpenedLine {
  readonly weights: OpenedWeights;
  readonly draftWeights?: OpenedWeights;
  readonly model: LoadedModel;
  /** Milliseconds from the begin of the walk until each part was ready. */
  readonly readyMs: Readonly<Record<LoadPart, number>>;
}

/** A chunk of its own: most models are loaded without another one that drafts. */
const drafting = () => import('./found-draft.ts');

/** Finds a model and reads its header. */
export async function openLine(host: Host, source: ModelSource | ByteSource, options: EngineOptions): Promise<OpenedLine> {
  const found = await findModel(source, options, host.store);
  const stored = await openAs(found.files.header, found.manifest ?? found.kept, options);
  const { speculation } = options;
  const draft = speculation?.draft && (await (await drafting()).openDraft(host, speculation.draft, draftOptions(options), stored));
  return { source, options, found, stored, opened: await openedWith(stored, options), text: await textOf(stored), draft };
}

/** Whether what was opened holds for another load: of the same source, kept in the same way. Adapters, and a model that drafts, are opened for each load. */
export function holdsFor({ source, options }: OpenedLine, other: ModelSource | ByteSource, others: EngineOptions): boolean {
  const same = (name: 'keep' | 'hub' | 'sha256' | 'fileBytes' | 'experts' | 'activation') => String(options[name]) === String(others[name]);
  if ([options, others].some(({ adapters, speculation }) => adapters?.length || speculation?.draft)) return false;
  return (
    isSameSource(source, other) && (['keep', 'hub', 'sha256', 'fileBytes', 'experts', 'activation'] as const).every(same) &&
    isSameSecret(options.encryption, others.encryption)
  );
}

/**
 * Brings an opened model to a GPU of its own; `weights` are given where they are open already. While its weights are imported its kernels
 * are chosen and compiled; what of an import has come when a load fails is kept.
 */
export async function walkFromOpened(
  host: Host,
  line: OpenedLine,
  weights: OpenedWeights | undefined,
  { report, paused, begun }: { report: Report; paused: Gate; begun: number },
): Promise<Line> {
  const { options, found, stored, opened } = line;
  const gpu = await openGpu(host.gpu, host.deviceOptions);
  const stop = new AbortController(); // ends the import if the load cannot go on
  void gpu.device.lost.then(() => stop.abort());
  const quiet = createGate(); // closed until buffers are made and kernels are timed
  quiet.set(false);
  const fresh = createDelivery();
  let opening: Promise<OpenedWeights> | undefined;
  let draftWeights: OpenedWeights | undefined;
  try {
    const uses = await keptWith('uses', host, opened, weights?.fromStore ? weights.id : found.manifest?.id);
    const planned = planModel(await chosenOn(host, gpu, line, uses));
    checkPlanned(planned, line);
    opening = weights
      ? Promise.resolve(weights)
      : openWeights(host, options, found, stored, { report, gate: paused.passed, hold: quiet.passed, onSlab: fresh.deliver, signal: stop.signal });
    opening.then(fresh.end, fresh.end); // a failure is told by the load, which waits for it
    const { hooks, readyMs } = reporting(report, begun);
    const reader = readerToCome(
      opening.then((there) => {
        report({ phase: 'weights', totalBytes: opened.layout.byteLength, fromStore: there.fromStore });
        return there.reader;
      }),
    );
    const openDraft = async () => {
      const control = { report, gate: paused.passed, signal: stop.signal };
      draftWeights ??= await openWeights(host, draftOptions(options), line.draft!.found, line.draft!.opened, control); // once, however often it is placed
      return draftWeights.reader;
    };
    const model = await walkFromPlanned(planned, reader, options, { ...hooks, quiet, fresh, signal: stop.signal }, openDraft);
    return { ...line, weights: await opening, draftWeights, model, readyMs };
  } catch (error) {
    const reported = await explain(gpu.device, error);
    stop.abort();
    quiet.set(true);
    const there = opening ? await opening.catch(() => undefined) : weights;
    await there?.release();
    await draftWeights?.release();
    gpu.device.destroy();
    throw reported;
  }
}

/**
 * Brings a model whose GPU was lost to a new device: placed and recorded again as it was planned, or where that is another adapter, chosen
 * and planned anew. What was compiled, measured and tested for the device is gone.
 */
export async function walkAgain(host: Host, line: Line, report: Report): Promise<Line> {
  const { model: before, opened, options, weights } = line;
  await before.destroy();
  const begun = performance.now();
  const gpu = await openGpu(host.gpu, host.deviceOptions);
  try {
    const planned = isLike(gpu, before.gpu)
      ? plannedOn(host, gpu, createKernelCache(gpu.device, host.shaders, typesIn(opened.header)), before)
      : planModel(await chosenOn(host, gpu, line, usesOf(before)));
    const { hooks, readyMs } = reporting(report, begun);
    return { ...line, readyMs, model: await walkFromPlanned(planned, weights.reader, options, hooks, readerOfDraft(line)) };
  } catch (error) {
    const reported = await explain(gpu.device, error);
    gpu.device.destroy();
    throw reported;
  }
}

/** As a model was planned and chosen in the end, for another device of the same adapter. */
function plannedOn(host: Host, gpu: Gpu, kernels: KernelCache, model: LoadedModel): PlannedModel {
  const { planned: { chosen: { opened, options }, ...plan }, choice, kv } = model;
  const draft = options.draft && draftOn(host, gpu, options.draft);
  return { ...plan, chosen: { ...chosenAs(gpu, opened, { ...options, draft, uses: usesOf(model) }, kernels), choice, kv } };
}

const readerOfDraft = ({ draftWeights }: Pick<Line, 'draftWeights'>) => async (): Promise<OpenedWeights['reader']> => draftWeights!.reader;

/** What a loaded model used of its experts by now, and before. */
const usesOf = ({ usesLog, planned: { chosen: { options } } }: LoadedModel): unknown => usesLog?.uses() ?? options.uses;

/**
 * A plan for a loaded model within another budget, a guessed one where none is given: with kernels that are chosen already. On the GPU nothing changes.
 * Conversations stay as long as they may be where there is room for that, whatever context would be chosen within that budget.
 */
export async function planWithin(host: Host, line: Line, budgetBytes?: number): Promise<{ planned: PlannedModel; options: EngineOptions }> {
  const { options: { context, kvBudgetBytes }, model: { sizes } } = line;
  if (context !== undefined || kvBudgetBytes === undefined) return planAs(host, line, { budgetBytes, context });
  try {
    return await planAs(host, line, { budgetBytes, context: sizes.context });
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    return planAs(host, line, { budgetBytes });
  }
}

async function planAs(
  host: Host, line: Line, { budgetBytes, context }: Pick<EngineOptions, 'budgetBytes' | 'context'>,
): Promise<{ planned: PlannedModel; options: EngineOptions }> {
  const { opened, weights, model: { gpu, planned: { chosen } } } = line;
  const options = { ...line.options, budgetBytes };
  const asked = {
    ...(await optionsFor(opened, gpu, { ...options, context }, chosen.options.choice, host.memoryBytes)),
    storeCost: weights.storeCost ?? chosen.options.storeCost,
    uses: usesOf(line.model), scratch: host.scratch,
  };
  const planned = planModel(await withPlannedDraft(host, { ...line, options }, await chooseAgain(chosen, asked)));
  checkPlanned(planned, { ...line, options });
  return { planned, options };
}

/** Places and records on the device of a loaded model, of which nothing is left, what was planned for it. */
export async function walkToPlan(line: Line, { planned, options }: { planned: PlannedModel; options: EngineOptions }, report: Report): Promise<Line> {
  await line.model.destroy();
  const { hooks, readyMs } = reporting(report, performance.now());
  return { ...line, options, readyMs, model: await walkFromPlanned(planned, line.weights.reader, options, hooks, readerOfDraft(line)) };
}

/** Places and records a planned model, and behind it the one that drafts, if there is one: `draftReader` reads its weights. */
async function walkFromPlanned(
  planned: PlannedModel, reader: OpenedWeights['reader'], { budgetBytes }: EngineOptions, hooks: LoadHooks, draftReader: () => Promise<OpenedWeights['reader']>,
): Promise<LoadedModel> {
  const { opened } = planned.chosen;
  const whole = opened.adapters ? (await adapting()).readerWithAdapters(reader, opened) : reader;
  const load = async (at: PlannedModel) => {
    const alone = await loadModel(at, whole, hooks);
    const { draft } = at.chosen.options;
    return draft ? withDraft(alone, draft, draftReader, hooks.signal) : alone;
  };
  const model = await (budgetBytes === undefined ? loadByGuess(planned, load) : load(planned));
  const loss = await lossOf(model.gpu.device); // calls on a lost device succeed and do nothing
  if (loss) throw loss;
  return model;
}

/** With the plan of the model that drafts for it, if there is one, within the same budget. */
async function withPlannedDraft(host: Host, { draft, options }: OpenedLine, chosen: ChosenModel): Promise<ChosenModel> {
  if (!draft || !options.speculation?.draft) return chosen;
  const planned = await planDraft(host, chosen.gpu, draft, options, chosen);
  return { ...chosen, options: { ...chosen.options, draft: planned } };
}

const chosenOn = async (host: Host, gpu: Gpu, line: OpenedLine, uses: unknown): Promise<ChosenModel> =>
  withPlannedDraft(host, line, await chosenAlone(host, gpu, line, uses));

async function chosenAlone(host: Host, gpu: Gpu, { opened, options }: OpenedLine, uses: unknown): Promise<ChosenModel> {
  const kernels = createKernelCache(gpu.device, host.shaders, typesIn(opened.header));
  const named = options.choice !== undefined || options.kernels !== undefined;
  const untuned = options.choice ?? choiceFor(gpu, options);
  const asked = {
    ...(await optionsFor(opened, gpu, options, untuned, host.memoryBytes)),
    storeCost: await host.costs?.get('store'),
    uses, scratch: host.scratch,
  };
  if (named || !gpu.computes) return chosenAs(gpu, opened, asked, kernels);
  const { f32: exact, retune: anew, leftAt } = options;
  return choose(gpu, opened, asked, kernels, host.tuning, { exact, anew, leftAt, now: host.now, locks: host.locks });
}

/** BudgetError where the plan cannot be, by the device or by where the weights come from. */
function checkPlanned({ chosen: { opened, gpu, options, choice, kv }, plan, sizes }: PlannedModel, line: OpenedLine): void {
  checkUnkept(plan, line.found, line.options);
  checkLimits(opened, gpu, { ...options, choice, kv, ...sizes });
}

function reporting(report: Report, begun: number): { hooks: LoadHooks; readyMs: Record<LoadPart, number> } {
  const readyMs = { choice: 0, weights: 0, programs: 0 };
  const onReady = (part: LoadPart): void => {
    readyMs[part] = performance.now() - begun;
    if (part === 'weights' && !readyMs.programs) report({ phase: 'kernels' });
  };
  const onSlab = (loadedBytes: number, totalBytes: number): void => report({ phase: 'weights', loadedBytes, totalBytes });
  return { readyMs, hooks: { onReady, onSlab } };
}

/** `error`, or why it came where the device was lost: the news may follow the failure. */
export const explain = async (device: GPUDevice, error: unknown): Promise<unknown> =>
  [BudgetError, DeviceError, RequestError].some((Class) => error instanceof Class) ? error : ((await lossOf(device, 50)) ?? error);
