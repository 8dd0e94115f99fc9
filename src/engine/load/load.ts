// From an opened file to a model on the GPU, ready to run: buffers, weights, programs.
import { anySignal } from '../../signals.ts';
import { BudgetError } from '../../errors.ts';
import { type Gpu } from '../../gpu/device.ts';
import { createKernelCache } from '../../gpu/kernels.ts';
import { type Ledger, createLedger } from '../../gpu/ledger.ts';
import { createActivations, writeAngles } from '../../model/activations.ts';
import { type Sequence, type SequenceHome, createSequence } from '../../kv/sequence.ts';
import { type Activations, type RecordContext } from '../../model/operation.ts';
import { opsOf } from '../../model/operations.ts';
import { type KernelChoice } from '../../model/kernel-choice.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type ResidentWeights, placeWeights } from '../../weights/stream/resident.ts';
import { type Uploader, createUploader } from '../../weights/stream/uploader.ts';
import { productsOf } from '../measure/kinds.ts';
import { type ModelOptions, type OpenedModel, planFor } from './model-file.ts';
import { type Plan } from './plan.ts';
import { type Programs, recordPrograms, recordSection } from './programs.ts';
import { type Streaming, openStreaming, uploadKept } from './streaming.ts';
import { type TuneTarget } from '../measure/tune.ts';

/** The self-test takes place beside the model if the budget leaves so much: more than four tests need, in rows of 40,000 numbers. */
const testBytes = 64 * 2 ** 20;

/** A model on the GPU. */
export interface LoadedModel extends OpenedModel, Programs, Streaming {
  gpu: Gpu;
  plan: Plan;
  options: ModelOptions;
  ledger: Ledger;
  activations: Activations;
  /** Keys and values of the one conversation. */
  /** The first sequence, which is there as long as the model. */
  sequence: Sequence;
  createSequence(): Sequence;
  /** What its sequences have in common. */
  home: SequenceHome;
  uploader: Uploader;
  /** Waits for transfers under way, then frees everything. */
  destroy(): Promise<void>;
}

export type LoadPart = 'choice' | 'weights' | 'programs';

export interface LoadHooks {
  onSlab?: (loadedBytes: number, totalBytes: number) => void;
  /** KernelChoice are chosen; the weights that stay are on the GPU; all is compiled. The last two in any order. */
  onReady?: (part: LoadPart) => void;
  signal?: AbortSignal;
}

/** A test has changed what the model was planned with. */
class OtherPlan extends Error {}

/** Compiles and tests kernels while `reader` waits for the weights. If anything fails, all of it ends before the error is told. */
export async function loadModel(gpu: Gpu, opened: OpenedModel, reader: WeightsReader, options: ModelOptions, hooks: LoadHooks = {}): Promise<LoadedModel> {
  for (;;) {
    try {
      return await loadAsPlanned(gpu, opened, reader, options, hooks);
    } catch (error) {
      if (!(error instanceof OtherPlan)) throw error;
    }
  }
}

async function loadAsPlanned(gpu: Gpu, opened: OpenedModel, reader: WeightsReader, options: ModelOptions, hooks: LoadHooks): Promise<LoadedModel> {
  const { device } = gpu;
  const { graph, layout } = opened;
  const ledger = createLedger(device, options.budgetBytes);
  const failed = new AbortController();
  const signal = anySignal([failed.signal, ...(hooks.signal ? [hooks.signal] : [])]);
  const underWay: Promise<unknown>[] = [];
  try {
    const { kernels = createKernelCache(device), choose } = options;
    options = { ...options, ...(await choose?.first(ledger)) };
    // Where weights are streamed, no step is too long.
    const short = planFor(gpu, opened, { ...options, chunk: Math.min(options.chunk, options.choice.chunk) });
    const planned = short.verdict === 'fits' ? short : planFor(gpu, opened, options);
    if (planned.verdict === 'refused') throw new BudgetError(planned.reason);
    const chunk = planned.chunk;
    const logitsRows = Math.min(options.logitsRows, chunk);
    options = { ...options, chunk, logitsRows };
    let placed = await placeModel(gpu, opened, planned, ledger, options);
    const context = (choice: KernelChoice): RecordContext => ({ graph, choice, kv: { format: options.kv }, activations: placed.activations });
    const recordAll: TuneTarget['record'] = (mode, choice) => {
      const isRecorded = { embedding: false, layer: true, head: mode === 'decode' || logitsRows > 1 };
      return opened.sections.flatMap(({ role }, i) => (isRecorded[role.kind] ? recordSection(context(choice), opened, placed.weights, i, mode) : []));
    };
    let choice = (await choose?.tune({ gpu, ledger, kernels, sequence: placed.sequence, activations: placed.activations, chunk, streams: planned.verdict === 'streams', products: productsOf(opened), config: graph.config, kv: options.kv, context: options.context, record: recordAll })) ?? options.choice;
    hooks.onReady?.('choice');
    const compiling = [...recordAll('decode', choice), ...recordAll('prefill', choice)].map(({ kernel }) => kernels.get(kernel));
    void Promise.allSettled(compiling); // beside the tests, which report those that fail
    const beside = options.budgetBytes - planned.totalBytes >= testBytes;
    const prove = async (room: () => Ledger, arrived?: Promise<void>): Promise<KernelChoice> => {
      const { kv } = options;
      const proven = (await choose?.prove({ choice, kv }, room, arrived)) ?? { choice, kv };
      if (proven.kv !== kv) throw new OtherPlan('A kernel that writes or reads keys and values has failed its test.');
      return proven.choice;
    };
    if (choose && !beside) {
      let cleared = false;
      choice = await prove(() => {
        // There is nothing in the model's buffers yet: they make way.
        if (!cleared) ledger.destroyAll();
        cleared = true;
        return ledger;
      });
      if (cleared) placed = await placeModel(gpu, opened, planned, ledger, options);
    }
    const { weights, activations, sequence } = placed;
    const uploader = createUploader(device.queue, planned.uploadBytes, (bytes) => ledger.reserve('staging', bytes));
    const streaming = openStreaming(gpu, opened, planned, reader, weights, uploader, options);
    const proveAndRecord = async (arrived: Promise<void>) => {
      if (choose && beside) {
        const room = createLedger(device, testBytes, { ledger, purpose: 'test' });
        choice = await prove(() => room, arrived);
      }
      return recordPrograms(gpu, ledger, kernels, context(choice), opened, weights, planned, logitsRows);
    };
    const arrive = async (): Promise<void> => {
      const ropeFactors = await Promise.all(graph.ropes.map((rope) => (rope.factors ? reader.hostTensor(rope.factors, signal) : undefined)));
      writeAngles(device.queue, activations, graph, options.context, ropeFactors);
      await uploadKept(layout, planned, weights, reader, uploader, streaming.memory, { ...hooks, signal });
      hooks.onReady?.('weights');
    };
    // Pipelines compile and are tested while weights arrive.
    const arriving = arrive();
    const recording = proveAndRecord(arriving);
    underWay.push(recording.then(() => hooks.onReady?.('programs')), arriving);
    await Promise.all(underWay);
    const recorded = await recording;
    placed.home.release = (of) => [...recorded.programs.decode, ...recorded.programs.prefill].forEach(({ program }) => program.release(of));
    const steps = planned.verdict === 'streams' ? chunk : Math.min(chunk, choice.chunk);
    options = { ...options, chunk: steps, choice: { ...choice, chunk: steps } };
    await ledger.settle();
    const destroy = async () => {
      await streaming.window?.close();
      await uploader.idle();
      ledger.destroyAll();
    };
    return { ...opened, gpu, plan: planned, options, ledger, activations, sequence, createSequence: () => createSequence(placed.home), home: placed.home, uploader, ...streaming, ...recorded, destroy };
  } catch (error) {
    failed.abort();
    await Promise.allSettled(underWay); // what is still being compiled would make buffers
    ledger.destroyAll();
    throw error;
  }
}

interface Placed {
  weights: ResidentWeights;
  activations: Activations;
  home: SequenceHome;
  sequence: Sequence;
}

/** The buffers of a model that live as long as it does. */
async function placeModel({ device, maxBindingBytes }: Gpu, { graph, layout }: OpenedModel, { slices }: Plan, ledger: Ledger, options: ModelOptions): Promise<Placed> {
  const weights = placeWeights(layout, slices, {
    maxBufferBytes: device.limits.maxBufferSize, maxBindingBytes,
    allocate: (label, size) => ledger.create('weights', label, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST),
  });
  const activations = createActivations(ledger, graph, opsOf(graph), options);
  const home: SequenceHome = { device, ledger, config: graph.config, context: options.context, format: options.kv, release: () => {} };
  const sequence = createSequence(home, true);
  await ledger.settle();
  return { weights, activations, home, sequence };
}
