// What a model will take on the GPU and which weights stay there, from its header alone: a pure function, run before
// anything is downloaded. How weights that do not stay get there is weights/window.ts's business.
import { type ActivationSizes, activationBindings } from '../../model/activations.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { freshBytes } from '../../kv/fresh.ts';
import { samplerBytes } from '../../model/sampling/buffers.ts';
import { samplerPrograms } from '../../model/sampling/sampler.ts';
import { paramsStride } from '../../gpu/program.ts';
import { type Slice, cutMatrix, cutSection, isVectors, spansOf } from '../../weights/stream/slices.ts';
import { type Layout, matricesOf } from '../../weights/layout.ts';
import { type OpenedModel } from './model-file.ts';
import { readbackBytes } from '../run/readback.ts';
import { type Mode } from '../../model/kernel-choice.ts';
import { opsOf } from '../../model/operations.ts';
import { type CutsOf, type DispatchCount, createDispatchCount } from './count-dispatches.ts';
import { sequenceBytes } from '../../model/sequence-buffers.ts';
import { isTied } from '../../model/sections.ts';

export interface Plan {
  verdict: 'fits' | 'streams' | 'refused';
  /** For people, if refused: what does not fit and what would. */
  reason?: string;
  budgetBytes: number;
  /** Most GPU bytes alive at once, by purpose. */
  bytes: { weights: number; kv: number; activations: number; parameters: number; staging: number };
  totalBytes: number;
  context: number;
  /** Most tokens per step: as asked for, or less if the budget is small. */
  chunk: number;
  /** What the weights are divided into, in the order of storage. */
  slices: Slice[];
  slots: number;
  /** Whether the GPU looks up input embeddings, or the CPU reads and uploads the rows of the current tokens. */
  embedding: 'gpu' | 'rows';
  /** Bytes of one upload, at most; two may be in flight. */
  uploadBytes: number;
  /** Bytes of weights that stay on the GPU, and those that go there for every token. */
  keptBytes: number;
  streamedBytes: number;
}

export interface PlanOptions extends ActivationSizes {
  budgetBytes: number;
  kv: KvFormat;
  /** Limits of the device. Default: none. */
  maxBufferBytes?: number;
  maxBindingBytes?: number;
}

type Placement = Pick<Plan, 'slices' | 'slots' | 'embedding' | 'uploadBytes'>;

const smallestChunk = 16;
/** Steps of more tokens are for where all weights stay all the same, or where what they take more is this share of the budget at most. */
const longChunk = 128;
const longShare = 1 / 16;
const smallestUpload = 64 * 1024;
/** A streamed slice is a whole layer, or part of one that is larger than this. */
const largestSlice = 64 * 2 ** 20;

const gib = (bytes: number) => (bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`);
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const sizeOf = ({ start, end }: Slice) => end - start;
/** As the ledger rounds. */
const bufferBytes = (sizes: Record<string, number>) => sum(Object.values(sizes).map((size) => Math.max(16, Math.ceil(size / 16) * 16)));

export function plan(opened: OpenedModel, options: PlanOptions): Plan {
  const { budgetBytes } = options;
  const uploads = uploadSizes(opened.layout, budgetBytes);
  const inSteps = (chunk: number): PlanOptions => ({ ...options, chunk, logitsRows: Math.min(options.logitsRows, chunk) });
  const sizes = chunkSizes(options.chunk).filter((chunk) => chunk <= longChunk || isPossible(opened, inSteps(chunk)));
  for (const chunk of sizes.filter((each) => each >= Math.min(longChunk, options.chunk))) {
    for (const uploadBytes of uploads) {
      const fitting = describe(opened, inSteps(chunk), allOnGpu(opened.layout, uploadBytes));
      if (fitting.totalBytes <= budgetBytes) return fitting;
    }
  }
  const rowBytes = (chunk: number) => sum(Object.values(activationBindings(opened.graph, opsOf(opened.graph), inSteps(chunk))));
  for (const chunk of sizes.filter((each) => each <= longChunk || rowBytes(each) - rowBytes(longChunk) <= longShare * budgetBytes)) {
    for (const sliceBytes of sliceSizes(opened.layout)) {
      for (const uploadBytes of uploads) {
        const found = stream(opened, inSteps(chunk), sliceBytes, uploadBytes);
        if (found) return found;
      }
    }
  }
  const whole = describe(opened, inSteps(Math.min(longChunk, options.chunk)), allOnGpu(opened.layout, uploads[0]));
  return { ...whole, verdict: 'refused', reason: refusal(opened, options, whole) };
}

/** The least budget with which the model runs, in steps of `chunk` tokens. */
export function smallestBudget(opened: OpenedModel, options: Omit<PlanOptions, 'budgetBytes'>): number {
  const unlimited = { ...options, budgetBytes: Infinity };
  const { order, vectors } = divide(opened, sliceSizes(opened.layout).at(-1)!);
  return describe(opened, unlimited, place(opened, order, vectors, 0, 1, smallestUpload)).totalBytes;
}

/** Whether the device allows buffers for so many rows. */
const isPossible = ({ graph }: OpenedModel, options: PlanOptions): boolean =>
  Math.max(...Object.values(activationBindings(graph, opsOf(graph), options))) <= Math.min(options.maxBufferBytes ?? Infinity, options.maxBindingBytes ?? Infinity);

function uploadSizes({ slabs }: Layout, budgetBytes: number): number[] {
  const largest = Math.max(...slabs.map((slab) => slab.byteLength));
  const share = Math.floor(budgetBytes / 32 / smallestUpload) * smallestUpload; // both uploads together: a 16th of the budget
  return [Math.max(smallestUpload, Math.min(largest, share)), smallestUpload];
}

function chunkSizes(most: number): number[] {
  const sizes = [most];
  while (sizes[0] > smallestChunk) sizes.unshift(Math.max(smallestChunk, sizes[0] / 2));
  return sizes.reverse();
}

function sliceSizes({ sections }: Layout): number[] {
  const layer = Math.min(largestSlice, Math.max(...sections.slice(1, -1).map((s) => s.byteLength)));
  const panel = Math.max(...sections.flatMap((s) => matricesOf(s).map((m) => m.panels.panelBytes)));
  return [1, 2, 4, 8].map((parts) => Math.max(panel, Math.ceil(layer / parts)));
}

const allOnGpu = ({ sections }: Layout, uploadBytes: number): Placement => ({
  slices: sections.map(({ byteLength }, section) => ({ section, start: 0, end: byteLength })),
  slots: 0, embedding: 'gpu', uploadBytes,
});

/** The slices that may be streamed, in the order of use, and the vectors of sections that were cut, which stay. */
function divide({ graph, layout }: OpenedModel, sliceBytes: number): { order: Slice[]; vectors: Slice[] } {
  const used = [...layout.sections.keys()].slice(1).concat(isTied(graph) ? [0] : []);
  const slices = used.flatMap((section) => cutSection(layout, section, sliceBytes));
  return { order: slices.filter((slice) => !isVectors(layout, slice)), vectors: slices.filter((slice) => isVectors(layout, slice)) };
}

/** Keeps `kept` slices, spread evenly so that transfer and compute alternate, and sends the others through the slots in turn. */
function place({ graph }: OpenedModel, order: Slice[], vectors: Slice[], kept: number, slots: number, uploadBytes: number): Placement {
  let streamed = 0;
  const placed = order.map((slice, i): Slice => {
    const stays = Math.floor(((i + 1) * kept) / order.length) > Math.floor((i * kept) / order.length);
    return stays ? slice : { ...slice, slot: streamed++ % slots };
  });
  const slices = [...vectors, ...placed].sort((a, b) => a.section - b.section || a.start - b.start);
  const table = slices.filter(({ section }) => section === 0);
  const onGpu = isTied(graph) && table.every(({ slot }) => slot === undefined) && table.length > 0;
  return { slices, slots: streamed ? slots : 0, embedding: onGpu ? 'gpu' : 'rows', uploadBytes };
}

/** The placement that keeps the most within the budget, or undefined if none fits. */
function stream(opened: OpenedModel, options: PlanOptions, sliceBytes: number, uploadBytes: number): Plan | undefined {
  const { order, vectors } = divide(opened, sliceBytes);
  for (let kept = order.length; kept >= 0; kept--) {
    const streamed = order.length - kept;
    // With fewer than two slices for each, a slot would hold one for good.
    for (const slots of streamed === 0 ? [0] : kept === 0 && streamed > 3 ? [2, 1] : streamed > 3 ? [2] : [1]) {
      const found = describe(opened, options, place(opened, order, vectors, kept, slots, uploadBytes));
      if (found.totalBytes <= options.budgetBytes) return found;
    }
  }
  return undefined;
}

function describe(opened: OpenedModel, options: PlanOptions, placement: Placement): Plan {
  const { graph } = opened;
  const { slices, slots } = placement;
  const { budgetBytes, context, chunk, logitsRows } = options;
  const kept = slices.filter(({ slot }) => slot === undefined);
  const streamed = slices.filter(({ slot }) => slot !== undefined);
  const slotBytes = Math.max(0, ...streamed.map(sizeOf));
  const uploadBytes = streamed.length ? Math.min(placement.uploadBytes, slotBytes) : placement.uploadBytes;
  const { first: firstKv, full: kv, growing } = freshBytes(graph.config, context, options.kv);
  // While keys and values grow, the old ones of one layer; after a step, logits on their way to the CPU.
  const passing = Math.max(growing, 4 * graph.config.vocab * logitsRows);
  const bytes = {
    weights: sum(kept.map(sizeOf)) + slots * slotBytes,
    kv,
    activations: bufferBytes(activationBindings(graph, opsOf(graph), options)) + bufferBytes(sequenceBytes(context)) + bufferBytes(samplerBytes(graph.config.vocab)),
    parameters: parameterCount(opened, options, placement) * paramsStride,
    // If all weights are there before the first token, uploads are over when keys and values have grown.
    staging: readbackBytes + (streamed.length ? 2 * uploadBytes + passing : Math.max(2 * uploadBytes - (kv - firstKv), passing)),
  };
  return {
    verdict: placement.embedding === 'gpu' && !streamed.length ? 'fits' : 'streams',
    budgetBytes, bytes, totalBytes: sum(Object.values(bytes)), context, chunk, ...placement, uploadBytes,
    keptBytes: sum(kept.map(sizeOf)), streamedBytes: sum(streamed.map(sizeOf)),
  };
}

function refusal(opened: OpenedModel, options: PlanOptions, { totalBytes, bytes }: Plan): string {
  const { budgetBytes, context } = options;
  const least = (positions: number) => smallestBudget(opened, { ...options, context: positions, chunk: smallestChunk });
  let shorter = 0;
  for (let step = 2 ** Math.ceil(Math.log2(context)); step >= 32; step /= 2) {
    if (shorter + step < context && least(shorter + step) <= budgetBytes) shorter += step;
  }
  const shorterContext = shorter >= 256 ? `a context of up to ${shorter} instead of ${context}, ` : '';
  return `The model needs at least ${gib(least(context))} on the GPU (${gib(totalBytes)} to hold it all; ${gib(bytes.kv)} are for keys and values of ${context} tokens); the budget is ${gib(budgetBytes)}. Choose ${shorterContext}a smaller model, or a larger budget.`;
}

const countOf = new WeakMap<Layout, DispatchCount>();

/** Parameters of all programs: of as many dispatches as record.ts makes, where those of a product for few and for many rows share theirs. */
function parameterCount({ graph, sections, layout }: OpenedModel, { logitsRows, maxBufferBytes = Infinity, maxBindingBytes = Infinity }: PlanOptions, { slices, embedding }: Placement): number {
  const count = countOf.get(layout) ?? createDispatchCount({ graph, layout });
  countOf.set(layout, count);
  const cuts: CutsOf = ({ section }, matrix) => {
    const spans = slices.filter((s) => s.section === section).flatMap((s) => spansOf(layout.sections[section], s, maxBufferBytes));
    return cutMatrix(matrix, spans, maxBindingBytes).length;
  };
  return sections.reduce((total, { role, ops }) => {
    if (role.kind === 'embedding' && embedding !== 'gpu') return total;
    const modes: Mode[] = role.kind === 'head' && logitsRows <= 1 ? ['decode'] : ['decode', 'prefill'];
    return total + sum(modes.flatMap((mode) => ops.map((op) => count(op, cuts, mode))));
  }, samplerPrograms);
}
