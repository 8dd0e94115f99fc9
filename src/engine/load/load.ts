// From a planned model to one that runs: its buffers are made, its kernels chosen by measurement, and then its weights
// arrive while kernels are compiled and tested.
import { anySignal } from '../../signals.ts';
import { type Gpu } from '../../gpu/device.ts';
import { type Ledger, type Within, createLedger } from '../../gpu/ledger.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { type Sequence, type SequenceHome, createSequence } from '../../kv/sequence.ts';
import { type ActivationSizes } from '../../model/activations.ts';
import { type KernelChoice, checkedChoice, streamedChoice } from '../../model/choices/kernel-choice.ts';
import { type Activations } from '../../model/operation.ts';
import { type Delivery } from '../../weights/import/delivery.ts';
import { type Gate, closedDuring } from '../../weights/import/gate.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type Uploader } from '../../weights/stream/uploader.ts';
import { productsOf } from '../measure/tune/kinds.ts';
import { bringWeights } from './arrival.ts';
import { chooseAgain } from './chosen.ts';
import { type OpenedModel } from './opened.ts';
import { type Chosen } from './options.ts';
import { type PlacedModel, free, placeModel } from './placed.ts';
import { type Plan } from './plan/plan.ts';
import { type PlannedModel, planModel } from './plan/planned.ts';
import { type Programs, recordAll, recordPrograms } from './recorded.ts';
import { type Streaming } from './streaming.ts';

/** The self-test takes place beside the model if the budget leaves so much: more than four tests need, in rows of 40,000 numbers. */
const testBytes = 64 * 2 ** 20;

/** A model on the GPU, ready to run, with what it was made from. */
export interface LoadedModel extends OpenedModel, Programs, Streaming {
  readonly planned: PlannedModel;
  readonly plan: Plan;
  readonly gpu: Gpu;
  /** The kernels that it runs with; its chunk is the length of its steps. */
  readonly choice: KernelChoice;
  readonly kv: KvFormat;
  /** As it is run: steps may be shorter than the buffers for them. */
  readonly sizes: ActivationSizes;
  readonly ledger: Ledger;
  readonly activations: Activations;
  /** The first sequence, which is there as long as the model. */
  readonly sequence: Sequence;
  createSequence(): Sequence;
  /** What its sequences have in common. */
  readonly home: SequenceHome;
  readonly uploader: Uploader;
  /** What guesses for it, which has a ledger within this one. */
  readonly draft?: LoadedModel;
  /** Waits for transfers under way, then frees everything. */
  destroy(): Promise<void>;
}

export type LoadPart = 'choice' | 'weights' | 'programs';

export interface LoadHooks {
  onSlab?: (loadedBytes: number, totalBytes: number) => void;
  /** Kernels are chosen; the weights that stay are on the GPU; all is compiled. The last two in any order. */
  onReady?: (part: LoadPart) => void;
  /** Closed while kernels are timed: what would keep this thread busy waits there. */
  quiet?: Gate;
  /** Slabs of an import under way, which need not be read then. */
  fresh?: Delivery;
  signal?: AbortSignal;
  /** The ledger of a model that it is a part of. */
  within?: Within;
}

/** Compiles and tests kernels while `reader` waits for the weights. If anything fails, all of it ends before the error is told. */
export async function loadModel(planned: PlannedModel, reader: WeightsReader, hooks: LoadHooks = {}): Promise<LoadedModel> {
  for (let at = planned; ; at = planModel(await chooseAgain(at.chosen))) {
    const loaded = await loadAsPlanned(at, reader, hooks);
    if (loaded) return loaded;
  }
}

/** Undefined if the model is to be planned again, since a test changed what it was planned with. Nothing of it is left then. */
async function loadAsPlanned(planned: PlannedModel, reader: WeightsReader, hooks: LoadHooks): Promise<LoadedModel | undefined> {
  const { chosen: { gpu, options } } = planned;
  const ledger = createLedger(gpu.device, options.budgetBytes, hooks.within);
  const ended = new AbortController();
  const signal = anySignal([ended.signal, ...(hooks.signal ? [hooks.signal] : [])]);
  const underWay: Promise<unknown>[] = [];
  const end = async () => {
    ended.abort();
    await Promise.allSettled(underWay); // what is still being compiled would make buffers
    ledger.destroyAll();
    return undefined;
  };
  try {
    const tested = await testInPlace(await measure(await placeModel(planned, ledger, reader), hooks));
    if (!keepsPlan(tested)) return await end();
    // Pipelines compile and are tested while weights arrive.
    const arriving = bringWeights(tested.placed, { ...hooks, signal }).then(() => bringLatents(tested.placed, signal)).then(() => hooks.onReady?.('weights'));
    const recording = recordTested(tested, arriving).then((recorded) => (recorded && hooks.onReady?.('programs'), recorded));
    underWay.push(arriving, recording);
    const recorded = await Promise.race([recording, arriving.then(() => recording)]); // whichever fails first
    if (!recorded) return await end();
    await arriving;
    await ledger.settle();
    return modelOf(tested.placed, recorded);
  } catch (error) {
    await end();
    throw error;
  }
}

/** What latents of keys and values are made by, where a policy keeps some: a chunk of its own. */
async function bringLatents(placed: PlacedModel, signal: AbortSignal): Promise<void> {
  if (placed.home.bases) await (await import('./bases.ts')).bringBases(placed, signal);
}

/** A placed model with the kernels that it is to be recorded with, and the format of keys and values that passed. */
interface Measured extends Chosen {
  readonly placed: PlacedModel;
}

/** Tests change what a model was planned with where a kernel fails that writes or reads keys and values. */
const keepsPlan = ({ placed: { planned }, kv }: Measured): boolean => kv === planned.chosen.kv;

/** Chooses kernels by timing them on the model's own buffers, and begins to compile what was chosen. */
async function measure(placed: PlacedModel, { quiet, onReady }: LoadHooks): Promise<Measured> {
  const {
    planned: {
      chosen: { gpu, kernels, opened, options, chooser, choice: planned, kv },
      plan,
      sizes: { chunk, context },
    },
    ledger,
    activations,
    sequence,
  } = placed;
  const time = () =>
    chooser?.tune({
      gpu,
      ledger,
      kernels,
      activations,
      sequence,
      chunk,
      context,
      streams: plan.verdict === 'streams',
      products: productsOf(opened),
      config: opened.graph.config,
      kv,
      record: (...how) => recordAll(placed, ...how),
    });
  const fastest = (await (quiet ? closedDuring(quiet, async () => time()) : time())) ?? planned;
  const forPlan = plan.verdict === 'streams' ? streamedChoice(fastest) : fastest;
  const choice = options.speculation ? checkedChoice(forPlan, options.choice.few) : forPlan;
  onReady?.('choice');
  const compiling = [...recordAll(placed, 'decode', choice), ...recordAll(placed, 'prefill', choice)].map(({ kernel }) => kernels.get(kernel));
  void Promise.allSettled(compiling); // beside the tests, which report those that fail
  return { placed, choice, kv };
}

/** Whether the budget has room for tests beside the model. */
const hasRoom = ({ planned: { chosen: { options }, plan } }: PlacedModel): boolean => options.budgetBytes - plan.totalBytes >= testBytes;

/** Tests the chosen kernels before the weights arrive where there is no room beside the model: its buffers, in which there is nothing yet, make way. */
async function testInPlace({ placed, ...measured }: Measured): Promise<Measured> {
  const { planned, ledger, reader } = placed;
  const { chooser } = planned.chosen;
  if (!chooser || hasRoom(placed)) return { placed, ...measured };
  let cleared = false;
  const proven = await chooser.prove(measured, () => {
    if (!cleared) ledger.destroyAll();
    cleared = true;
    return ledger;
  });
  return { ...proven, placed: cleared && keepsPlan({ placed, ...proven }) ? await placeModel(planned, ledger, reader) : placed };
}

/** Records what passes its tests, which take place beside the model where there is room; undefined if the model is to be planned again. */
async function recordTested({ placed, ...measured }: Measured, arriving: Promise<void>): Promise<(Programs & Pick<Measured, 'choice'>) | undefined> {
  const { planned: { chosen: { gpu, chooser } }, ledger } = placed;
  const room = createLedger(gpu.device, testBytes, { ledger, purpose: 'test' });
  const proven = chooser && hasRoom(placed) ? await chooser.prove(measured, () => room, arriving) : measured;
  return keepsPlan({ placed, ...proven }) ? { choice: proven.choice, ...(await recordPrograms(placed, proven.choice)) } : undefined;
}

function modelOf(placed: PlacedModel, { choice, ...programs }: Programs & Pick<Measured, 'choice'>): LoadedModel {
  const { planned, ledger, activations, home, sequence, uploader, streaming } = placed;
  const { chosen: { gpu, opened, kv }, plan, sizes } = planned;
  const { decode, prefill } = programs.programs;
  home.release = (of) => [...decode, ...prefill].forEach(({ program }) => program.release(of));
  const chunk = plan.verdict === 'streams' ? sizes.chunk : Math.min(sizes.chunk, choice.chunk);
  return {
    ...opened, ...streaming, ...programs, planned, plan, gpu, ledger, activations, home, sequence, uploader, kv,
    choice: { ...choice, chunk }, sizes: { ...sizes, chunk },
    createSequence: () => createSequence(home),
    destroy: () => free(placed),
  };
}
