// From an opened file to a model on the GPU, ready to run: buffers, weights, programs.
import { BudgetError } from '../errors.ts';
import { type Header } from '../gguf/header.ts';
import { type Gpu } from '../gpu/device.ts';
import { type KernelCache, createKernelCache } from '../gpu/kernels.ts';
import { type Ledger, createLedger } from '../gpu/ledger.ts';
import { type Dispatch, type Program, createProgram } from '../gpu/program.ts';
import { type ActivationSizes, createActivations, writeAngles } from '../model/activations.ts';
import { buildGraph } from '../model/build.ts';
import { type Graph } from '../model/graph.ts';
import { type KvCache, createKvCache } from '../model/kv-cache.ts';
import { type Sampler, createSampler } from '../model/sampler.ts';
import { type Activations, type Place, type RecordContext, record } from '../model/record.ts';
import { type Mode, type Shapes } from '../model/shapes.ts';
import { type StoreCost } from '../protocol.ts';
import { aheadBytesFor, guessedCost, readBytesFor } from '../weights/cost-model.ts';
import { joinedReads, joinRanges, spanOf } from '../weights/joined-reads.ts';
import { type Layout, layoutOf } from '../weights/layout.ts';
import { type WeightsReader } from '../weights/reader.ts';
import { type GpuRange, type ResidentWeights, placeWeights } from '../weights/resident.ts';
import { createNaiveWindow } from '../weights/naive-window.ts';
import { type Rows, createRows } from '../weights/rows.ts';
import { type SlabMemory, createSlabMemory } from '../weights/slab-memory.ts';
import { rangesOf } from '../weights/slices.ts';
import { throttled } from '../weights/throttle.ts';
import { type Uploader, createUploader } from '../weights/uploader.ts';
import { type Window, type WindowOptions, createWindow } from '../weights/window.ts';
import { type Plan, plan } from './plan.ts';
import { type TuneTarget } from './tune.ts';
import { productsOf } from './kinds.ts';
import { type SectionOps, isTied, sectionSpecs, sectionsOf } from './sections.ts';

export interface OpenedModel {
  header: Header;
  graph: Graph;
  layout: Layout;
}

/** What a header alone tells. Throws for files that windrow cannot run. */
export function openModel(header: Header): OpenedModel {
  const graph = buildGraph(header);
  return { header, graph, layout: layoutOf(header, sectionSpecs(graph)) };
}

export interface ModelOptions extends ActivationSizes {
  budgetBytes: number;
  /** Of a loaded model with the length of its steps, which its buffers may be longer than. */
  shapes: Shapes;
  /** Kernels that may be compiled already. */
  kernels?: KernelCache;
  /** Chooses other shapes than `shapes`. */
  choose?: {
    /** What the model is planned with, after a test of all kernels whose shapes are not measured; books in `ledger`, where nothing else is yet. */
    first(ledger: Ledger): Promise<Shapes>;
    tune(target: TuneTarget): Promise<Shapes>;
    /** Tests the kernels of shapes. `room` is asked for where to book buffers, only if there is something to test. */
    prove(shapes: Shapes, room: () => Ledger): Promise<Shapes>;
  };
  /** Most bytes of streamed weights that stay in worker memory. Default 256 MiB. */
  ramBytes?: number;
  /** `naive` reads, uploads, waits and computes in turn, to measure what reading ahead is worth. */
  loader?: 'ahead' | 'naive';
  /** What reads of streamed weights cost: their size and how far ahead they are made follow from it. Default: a guess. */
  storeCost?: StoreCost;
  /** Milliseconds added to reads of streamed weights, per byte, as by a slower device. */
  readDelay?: number;
  /** Tokens per submit while decoding, at most 16, however long that takes. Default: by measured time. */
  tokensPerSubmit?: number;
}

/** Small beside what a page uses anyway. */
export const defaultRamBytes = 256 * 2 ** 20;

/** The self-test takes place beside the model if the budget leaves so much: more than four tests need, in rows of 40,000 numbers. */
const testBytes = 64 * 2 ** 20;

/** A run of dispatches that need at most one streamed slice. */
export interface Stage {
  program: Program;
  slice?: number;
}

/** A model on the GPU. */
export interface LoadedModel extends OpenedModel {
  gpu: Gpu;
  plan: Plan;
  options: ModelOptions;
  ledger: Ledger;
  activations: Activations;
  cache: KvCache;
  /** Embedding and layers. */
  programs: Record<Mode, Stage[]>;
  /** Logits of the last row, or of all rows of the step. */
  heads: { last: Stage[]; all?: Stage[] };
  sampler: Sampler;
  uploader: Uploader;
  /** What of the streamed weights is in worker memory. */
  memory: SlabMemory;
  /** Undefined if all weights stay on the GPU. */
  window?: Window;
  /** Input embeddings, if the GPU does not look them up. */
  rows?: Rows;
  /** Waits for transfers under way, then frees everything. */
  destroy(): Promise<void>;
}

export type LoadPart = 'shapes' | 'weights' | 'programs';

export interface LoadHooks {
  onSlab?: (loadedBytes: number, totalBytes: number) => void;
  /** Shapes are chosen; the weights that stay are on the GPU; all is compiled. The last two in any order. */
  onReady?: (part: LoadPart) => void;
  signal?: AbortSignal;
}

/** The plan for a model on this device. */
export const planFor = (gpu: Gpu, opened: OpenedModel, options: ModelOptions): Plan =>
  plan(opened, { ...options, cache: options.shapes.cache, maxBufferBytes: gpu.device.limits.maxBufferSize, maxBindingBytes: gpu.maxBindingBytes });

/** Compiles while `reader` waits for the weights. If anything fails, all of it ends before the error is told. */
export async function loadModel(gpu: Gpu, opened: OpenedModel, reader: WeightsReader, options: ModelOptions, hooks: LoadHooks = {}): Promise<LoadedModel> {
  const { device } = gpu;
  const { header, graph, layout } = opened;
  const ledger = createLedger(device, options.budgetBytes);
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(hooks.signal ? [hooks.signal] : [])]);
  const underWay: Promise<unknown>[] = [];
  try {
    const { kernels = createKernelCache(device), choose } = options;
    options = { ...options, shapes: (await choose?.first(ledger)) ?? options.shapes };
    // Where weights are streamed, no step is too long.
    const short = planFor(gpu, opened, { ...options, chunk: Math.min(options.chunk, options.shapes.chunk) });
    const planned = short.verdict === 'fits' ? short : planFor(gpu, opened, options);
    if (planned.verdict === 'refused') throw new BudgetError(planned.reason);
    const chunk = planned.chunk;
    const logitsRows = Math.min(options.logitsRows, chunk);
    options = { ...options, chunk, logitsRows };
    let placed = await placeModel(gpu, opened, planned, ledger, options);
    const context = (shapes: Shapes, cached?: Pick<RecordContext, 'keys' | 'values'>): RecordContext => ({
      graph, shapes, activations: placed.activations,
      keys: (layer) => ({ buffer: placed.cache.keys(layer) }),
      values: (layer) => ({ buffer: placed.cache.values(layer) }),
      ...cached,
    });
    const recordAll: TuneTarget['record'] = (mode, shapes, cached) => {
      const sections = sectionsOf(graph).slice(1, mode === 'prefill' && logitsRows === 1 ? -1 : undefined);
      return sections.flatMap(({ name, ops }, i) => record(context(shapes, cached), mode, name, ops, placeOf(graph, layout, placed.weights, i + 1)));
    };
    let shapes = (await choose?.tune({ gpu, ledger, kernels, state: placed.activations.state, chunk, streams: planned.verdict === 'streams', products: productsOf(opened), config: graph.config, context: options.context, record: recordAll })) ?? options.shapes;
    hooks.onReady?.('shapes');
    const compiling = [...recordAll('decode', shapes), ...recordAll('prefill', shapes)].map(({ kernel }) => kernels.get(kernel));
    void Promise.allSettled(compiling); // beside the tests, which report those that fail
    const beside = options.budgetBytes - planned.totalBytes >= testBytes;
    if (choose && !beside) {
      let cleared = false;
      shapes = await choose.prove(shapes, () => {
        // There is nothing in the model's buffers yet: they make way.
        if (!cleared) ledger.destroyAll();
        cleared = true;
        return ledger;
      });
      if (cleared) placed = await placeModel(gpu, opened, planned, ledger, options);
    }
    const { weights, activations, cache } = placed;
    const uploader = createUploader(device.queue, planned.uploadBytes, (bytes) => ledger.reserve('staging', bytes));
    const streaming = openStreaming(gpu, opened, planned, reader, weights, uploader, options);
    const proveAndRecord = async () => {
      if (choose && beside) {
        const room = createLedger(device, testBytes, { ledger, purpose: 'test' });
        shapes = await choose.prove(shapes, () => room);
      }
      return recordPrograms(gpu, ledger, kernels, context(shapes), layout, weights, planned, options);
    };
    const arrive = async (): Promise<void> => {
      const ropeFactors = await Promise.all(graph.ropes.map((rope) => (rope.factors ? reader.hostTensor(rope.factors, signal) : undefined)));
      writeAngles(device.queue, activations, graph, options.context, ropeFactors);
      await uploadKept(layout, planned, weights, reader, uploader, streaming.memory, { ...hooks, signal });
      hooks.onReady?.('weights');
    };
    // Pipelines compile and are tested while weights arrive.
    const recording = proveAndRecord();
    underWay.push(recording.then(() => hooks.onReady?.('programs')), arrive());
    await Promise.all(underWay);
    const recorded = await recording;
    const steps = planned.verdict === 'streams' ? chunk : Math.min(chunk, shapes.chunk);
    options = { ...options, chunk: steps, shapes: { ...shapes, chunk: steps } };
    await ledger.settle();
    const destroy = async () => {
      await streaming.window?.close();
      await uploader.idle();
      ledger.destroyAll();
    };
    return { header, graph, layout, gpu, plan: planned, options, ledger, activations, cache, uploader, ...streaming, ...recorded, destroy };
  } catch (error) {
    failed.abort();
    await Promise.allSettled(underWay); // what is still being compiled would make buffers
    ledger.destroyAll();
    throw error;
  }
}

/** The buffers of a model that live as long as it does. */
async function placeModel({ device, maxBindingBytes }: Gpu, { graph, layout }: OpenedModel, { slices }: Plan, ledger: Ledger, options: ModelOptions): Promise<{ weights: ResidentWeights; activations: Activations; cache: KvCache }> {
  const weights = placeWeights(layout, slices, {
    maxBufferBytes: device.limits.maxBufferSize, maxBindingBytes,
    allocate: (label, size) => ledger.create('weights', label, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST),
  });
  const activations = createActivations(ledger, graph, options);
  const cache = createKvCache(ledger, graph.config, options.context, options.shapes.cache);
  await ledger.settle();
  return { weights, activations, cache };
}

/** What brings the weights to the GPU that do not stay there. */
function openStreaming({ device }: Gpu, { layout }: OpenedModel, { slices, embedding }: Plan, reader: WeightsReader, weights: ResidentWeights, uploader: Uploader, { ramBytes = defaultRamBytes, loader, readDelay = 0, storeCost = guessedCost }: ModelOptions): Pick<LoadedModel, 'memory' | 'window' | 'rows'> {
  const streamed = new Map(inOrderOfUse(slices).map((i) => [i, { slot: slices[i].slot!, ranges: rangesOf(layout, slices[i]) }]));
  const runs = joinRanges([...streamed.values()].flatMap(({ ranges }) => ranges), readBytesFor(storeCost));
  const memory = createSlabMemory(reader, layout.slabs.map((slab) => slab.byteLength), runs.map(spanOf), ramBytes);
  const rows = embedding === 'rows' ? createRows(layout, 0, layout.sections[0].stacks[0][0], memory) : undefined;
  if (!streamed.size) return { memory, rows };
  const read = joinedReads(runs, (range) => memory.read(range));
  const options: WindowOptions = {
    slices: streamed,
    first: [...streamed.keys()].filter((i) => slices[i].section > 0 && slices[i].section < layout.sections.length - 1),
    aheadBytes: aheadBytesFor(storeCost, Math.max(...slices.map(({ start, end }) => end - start)), Math.max(...runs.map((run) => spanOf(run).length))),
    read: readDelay > 0 ? throttled(read, readDelay) : read,
    async upload(slice, { start, length }, bytes) {
      for (const target of weights.targets(slice, start, length)) await uploader.write(target.buffer, target.offset, bytes.subarray(target.from, target.from + target.length));
    },
  };
  return { memory, rows, window: loader === 'naive' ? createNaiveWindow(device.queue, options) : createWindow(options) };
}

/** Indices of the streamed slices: layers, then the output matrix, which is the first section where it is the embedding too. */
const inOrderOfUse = (slices: Plan['slices']): number[] => {
  const streamed = [...slices.keys()].filter((i) => slices[i].slot !== undefined);
  return [...streamed.filter((i) => slices[i].section > 0), ...streamed.filter((i) => slices[i].section === 0)];
};

async function recordPrograms(gpu: Gpu, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, context: RecordContext, layout: Layout, weights: ResidentWeights, { embedding }: Plan, { logitsRows }: ModelOptions): Promise<Pick<LoadedModel, 'programs' | 'heads' | 'sampler'>> {
  const sections = sectionsOf(context.graph);
  const make = async (section: SectionOps, index: number, mode: Mode): Promise<Stage[]> => {
    const dispatches = record(context, mode, section.name, section.ops, placeOf(context.graph, layout, weights, index));
    return Promise.all(bySlice(dispatches).map(async ({ slice, run }, i) => ({ slice, program: await createProgram(gpu.device, ledger, kernels, `${section.name}.${mode}.${i}`, run) })));
  };
  const makeBody = async (mode: Mode) => (await Promise.all(sections.slice(0, -1).map((section, i) => (i === 0 && embedding === 'rows' ? [] : make(section, i, mode))))).flat();
  const head = sections.length - 1;
  const [decode, prefill, last, all, sampler] = await Promise.all([
    makeBody('decode'),
    makeBody('prefill'),
    make(sections[head], head, 'decode'),
    logitsRows > 1 ? make(sections[head], head, 'prefill') : undefined,
    createSampler(gpu.device, ledger, kernels, context.activations, context.graph.config.vocab),
  ]);
  return { programs: { decode, prefill }, heads: { last, all }, sampler };
}

/** Cuts dispatches where another streamed slice is needed; those that need none go with the ones before. */
function bySlice(dispatches: Dispatch[]): { slice?: number; run: Dispatch[] }[] {
  const runs: { slice?: number; run: Dispatch[] }[] = [];
  for (const dispatch of dispatches) {
    const slice = Object.values(dispatch.bindings).map((binding) => (binding as GpuRange).slice).find((s) => s !== undefined);
    const last = runs.at(-1);
    if (last && (slice === undefined || slice === last.slice)) last.run.push(dispatch);
    else runs.push({ slice, run: [dispatch] });
  }
  return runs;
}

/** Where the operations of a section find their weights. */
export function placeOf(graph: Graph, layout: Layout, weights: ResidentWeights, section: number): Place {
  const { vectors } = layout.sections[section];
  const isHead = section === layout.sections.length - 1;
  return {
    vectors: weights.vectors(section),
    vectorOffset: (tensor) => vectors.find((v) => v.tensor === tensor)!.offset / 4,
    stack: (n) => (isHead && isTied(graph) ? weights.stack(0, 0) : weights.stack(section, n)),
  };
}

/** Slabs read at once: one is hashed while another comes from the disk. */
const readsAtOnce = 2;

/** Uploads what stays on the GPU, reading slabs ahead. */
async function uploadKept(layout: Layout, { slices }: Plan, weights: ResidentWeights, reader: WeightsReader, uploader: Uploader, memory: SlabMemory, { onSlab, signal }: LoadHooks): Promise<void> {
  const kept = slices.flatMap((slice, index) => (slice.slot === undefined ? rangesOf(layout, slice).map((range) => ({ index, ...range })) : []));
  const needed = [...layout.slabs.keys()].filter((i) => kept.some(({ slab }) => slab === i));
  let loaded = layout.byteLength - needed.reduce((sum, i) => sum + layout.slabs[i].byteLength, 0);
  const read = (n: number) => {
    const bytes = n < needed.length ? reader.readSlab(needed[n], signal) : undefined;
    bytes?.catch(() => {}); // awaited in a later turn; an abort in between must not leave it unhandled
    return bytes;
  };
  const reads = Array.from({ length: readsAtOnce }, (_, n) => read(n));
  for (const [n, slab] of needed.entries()) {
    signal?.throwIfAborted();
    const bytes = (await reads.shift())!;
    reads.push(read(n + readsAtOnce));
    memory.offer(slab, bytes);
    for (const range of kept.filter((k) => k.slab === slab)) {
      for (const target of weights.targets(range.index, range.start, range.length)) {
        await uploader.write(target.buffer, target.offset, bytes.subarray(range.offset + target.from, range.offset + target.from + target.length));
      }
    }
    loaded += bytes.byteLength;
    onSlab?.(loaded, layout.byteLength);
  }
  await uploader.idle();
  await reader.finish();
}
