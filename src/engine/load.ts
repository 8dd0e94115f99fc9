// From an opened file to a model on the GPU, ready to run: buffers, weights, programs.
import { type Header } from '../gguf/header.ts';
import { type Gpu } from '../gpu/device.ts';
import { createKernelCache, kernelsHash } from '../gpu/kernels.ts';
import { type Ledger, createLedger } from '../gpu/ledger.ts';
import { type Program, createProgram } from '../gpu/program.ts';
import { type ActivationSizes, createActivations } from '../model/activations.ts';
import { buildGraph } from '../model/build.ts';
import { type Graph } from '../model/graph.ts';
import { type KvCache, createKvCache } from '../model/kv-cache.ts';
import { type Sampler, createSampler } from '../model/sampler.ts';
import { type Activations, type Mode, type Place, type RecordContext, type Shapes, record } from '../model/record.ts';
import { type Layout, layoutOf } from '../weights/layout.ts';
import { type WeightsReader } from '../weights/reader.ts';
import { type MatrixPart, type ResidentWeights, placeWeights } from '../weights/resident.ts';
import { tune } from './tune.ts';
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
  shapes: Shapes;
  /** Measure which shapes are fastest, beginning with `shapes`; remembers the answer if given somewhere to keep it. */
  tune?: Tuning | true;
}

/** Shapes found earlier, by a key that names adapter, kernels and matrix. */
export interface Tuning {
  get(key: string): Promise<Shapes | undefined>;
  set(key: string, shapes: Shapes): Promise<void>;
}

/** A model on the GPU. Programs are per section: embedding, layers, head. */
export interface LoadedModel extends OpenedModel {
  gpu: Gpu;
  options: ModelOptions;
  ledger: Ledger;
  activations: Activations;
  cache: KvCache;
  programs: Record<Mode, Program[]>;
  /** Logits of the last row, or of all rows of the step. */
  heads: { last: Program; all?: Program };
  sampler: Sampler;
  destroy(): void;
}

export interface LoadHooks {
  onSlab?: (loadedBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

export async function loadModel(gpu: Gpu, opened: OpenedModel, reader: WeightsReader, options: ModelOptions, hooks: LoadHooks = {}): Promise<LoadedModel> {
  const { device } = gpu;
  const { header, graph, layout } = opened;
  const ledger = createLedger(device, options.budgetBytes);
  try {
    const weights = placeWeights(device, layout, {
      maxBufferBytes: device.limits.maxBufferSize,
      maxBindingBytes: gpu.maxBindingBytes,
      allocate: (label, size) => ledger.create('weights', label, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST),
    });
    const ropeFactors = await Promise.all(graph.ropes.map((rope) => (rope.factors ? reader.hostTensor(rope.factors) : undefined)));
    const activations = createActivations(device, ledger, graph, options, ropeFactors);
    const cache = createKvCache(ledger, graph.config, options.context, options.shapes.cache === 'f32' ? 4 : 2);
    await ledger.settle();
    const kernels = createKernelCache(device);
    options = { ...options, shapes: await chooseShapes(gpu, ledger, kernels, options, largestPart(layout, weights)) };
    const context: RecordContext = {
      graph, shapes: options.shapes, activations,
      keys: (layer) => ({ buffer: cache.keys(layer) }),
      values: (layer) => ({ buffer: cache.values(layer) }),
    };
    // Pipelines compile while weights arrive.
    const [recorded] = await Promise.all([recordPrograms(gpu, ledger, kernels, context, layout, weights, options), uploadAll(gpu, ledger, layout, weights, reader, hooks)]);
    await ledger.settle();
    return { header, graph, layout, gpu, options, ledger, activations, cache, ...recorded, destroy: () => ledger.destroyAll() };
  } catch (error) {
    ledger.destroyAll();
    throw error;
  }
}

async function chooseShapes(gpu: Gpu, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, { shapes, tune: tuning }: ModelOptions, part: MatrixPart): Promise<Shapes> {
  if (!tuning) return shapes;
  const { format, rows, cols } = part.matrix;
  const key = [gpu.adapterName, kernelsHash(), format.name, rows, cols, ...Object.values(shapes)].join('|');
  const known = tuning === true ? undefined : await tuning.get(key);
  if (known) return known;
  const found = await tune(gpu, ledger, kernels, shapes, part);
  if (tuning !== true) await tuning.set(key, found);
  return found;
}

/** Of the first layer: most of the model is like it. */
function largestPart(layout: Layout, weights: ResidentWeights): MatrixPart {
  const parts = layout.sections[1].stacks.flatMap((_, stack) => weights.stack(1, stack));
  return parts.reduce((a, b) => (b.rows * b.matrix.cols > a.rows * a.matrix.cols ? b : a));
}

async function recordPrograms(gpu: Gpu, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, context: RecordContext, layout: Layout, weights: ResidentWeights, { logitsRows }: ModelOptions): Promise<Pick<LoadedModel, 'programs' | 'heads' | 'sampler'>> {
  const sections = sectionsOf(context.graph);
  const make = (section: SectionOps, index: number, mode: Mode) => {
    const place = placeOf(context.graph, layout, weights, index);
    return createProgram(gpu.device, ledger, kernels, `${section.name}.${mode}`, record(context, mode, section.name, section.ops, place));
  };
  const body = sections.slice(0, -1);
  const head = sections.length - 1;
  const [decode, prefill, last, all, sampler] = await Promise.all([
    Promise.all(body.map((section, i) => make(section, i, 'decode'))),
    Promise.all(body.map((section, i) => make(section, i, 'prefill'))),
    make(sections[head], head, 'decode'),
    logitsRows > 1 ? make(sections[head], head, 'prefill') : undefined,
    createSampler(gpu.device, ledger, kernels, context.activations, context.graph.config.vocab),
  ]);
  return { programs: { decode, prefill }, heads: { last, all }, sampler };
}

function placeOf(graph: Graph, layout: Layout, weights: ResidentWeights, section: number): Place {
  const { vectors } = layout.sections[section];
  const isHead = section === layout.sections.length - 1;
  return {
    vectors: weights.vectors(section),
    vectorOffset: (tensor) => vectors.find((v) => v.tensor === tensor)!.offset / 4,
    stack: (n) => (isHead && isTied(graph) ? weights.stack(0, 0) : weights.stack(section, n)),
  };
}

/** Uploads every slab, a few reads at once, and at most two slabs of staging memory in flight. */
async function uploadAll(gpu: Gpu, ledger: Ledger, layout: Layout, weights: ResidentWeights, reader: WeightsReader, { onSlab, signal }: LoadHooks): Promise<void> {
  let loaded = 0;
  const inFlight: Promise<void>[] = [];
  let next: Promise<Uint8Array<ArrayBuffer>> | undefined = reader.readSlab(0, signal);
  for (let i = 0; i < layout.slabs.length; i++) {
    signal?.throwIfAborted();
    const slab = layout.slabs[i];
    const bytes = await next!;
    next = i + 1 < layout.slabs.length ? reader.readSlab(i + 1, signal) : undefined;
    next?.catch(() => {}); // awaited in the next turn; an abort in between must not leave it unhandled
    const release = ledger.reserve('staging', bytes.byteLength);
    weights.upload(slab, bytes);
    inFlight.push(gpu.device.queue.onSubmittedWorkDone().then(release));
    if (inFlight.length >= 2) await inFlight.shift();
    loaded += slab.byteLength;
    onSlab?.(loaded, layout.byteLength);
  }
  await Promise.all(inFlight);
  await reader.finish();
}
