// A few layers of a model and a part of its output matrix on the GPU, recorded as load.ts records them, from the header
// alone: the weights have the right size and pass through a few slots, but say nothing. To measure what they cost.
import { type Gpu } from '../../gpu/device.ts';
import { type createKernelCache } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type Program, type Step, createProgram } from '../../gpu/program.ts';
import { createActivations } from '../../model/activations.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { createSegment } from '../../kv/segment.ts';
import { type RecordContext } from '../../model/operation.ts';
import { opsOf } from '../../model/operations.ts';
import { type PlacedOp, adaptersOf, layerOf } from '../../model/sections.ts';
import { type Mode, type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { createSequenceBuffers, writeState } from '../../model/sequence-buffers.ts';
import { createSamplerScratch } from '../../model/sampling/buffers.ts';
import { createSamplers } from '../../model/sampling/sampler.ts';
import { type Layout, type Section, matricesOf } from '../../weights/layout.ts';
import { placeWeights } from '../../weights/stream/resident.ts';
import { type Slice, cutSection, isVectors, wholeSection } from '../../weights/stream/slices.ts';
import { type OpenedModel } from '../load/opened.ts';
import { recordSection } from '../load/stages.ts';

export interface ProbePart {
  program: Program;
  /** Bytes of weights that it reads. */
  byteLength: number;
}

export interface Probe {
  /** Layers for one token. */
  layers: (ProbePart & { kind: string; section: number })[];
  /** Part of the output matrix. */
  head: ProbePart;
  /** The first operation of the first layer for `prefillRows` tokens. Apart, since its kernels may take long to compile. */
  prefill(): Promise<ProbePart>;
  sampler: Program;
  /** What weights are uploaded to. */
  slots: GPUBuffer[];
  /** Positions there is room for. */
  context: number;
  /** Makes ready a step of `rows` tokens from `position` on, to be run next. */
  step(position: number, rows: number): Step;
}

export const prefillRows = 64;
const mostPositions = 1024;
/** More than the caches of most GPUs hold, so that weights come from memory as those of a whole model do. */
const weightsBytes = 32 * 2 ** 20;
const mostLayers = 10;
const mostKinds = 2;

/** Layers with the same matrices in the same order, and the same neurons, take the same time, but for a window of attention. */
export function kindOf(section: Section): string {
  const { columns, items = [] } = section.pool ?? {};
  const matrices = matricesOf(section).map(({ format, rows, cols }) => `${format.name} ${rows}x${cols}`);
  if (!columns) return matrices.join(', ');
  const { form, rows, up } = columns;
  return [...matrices, `${items.length} columns ${form.name} ${rows}`, ...(up ? [`rows ${up.form.name} ${up.cols}`] : [])].join(', ');
}

export async function createProbe(
  { device, maxBindingBytes }: Gpu,
  ledger: Ledger,
  kernels: ReturnType<typeof createKernelCache>,
  opened: OpenedModel,
  choice: KernelChoice,
  kv: KvFormat,
): Promise<Probe> {
  const { graph, sections, layout } = opened;
  const context = Math.min(graph.config.context, mostPositions);
  const chosen = chooseLayers(opened);
  const head = sections.findIndex(({ role }) => role.kind === 'head');
  const table = sections[head].ops[0].stacks[0];
  const slots: GPUBuffer[] = [];
  // Those of adapters whole and beside the slots, as a plan has them: any of a layer's products may read there.
  const adapters = adaptersOf(sections).map((section) => wholeSection(layout, section));
  const passing = [...chosen.flatMap((section) => cutSection(layout, section, weightsBytes)), ...headSlices(layout, table.section, head)];
  const weights = placeWeights(
    layout,
    [...adapters, ...placeSlices(layout, passing)],
    {
      maxBufferBytes: device.limits.maxBufferSize,
      maxBindingBytes,
      queue: device.queue,
      allocate(label, size) {
        slots.push(ledger.create('weights', label, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST));
        return slots.at(-1)!;
      },
    },
  );
  const activations = createActivations(ledger, graph, opsOf(graph), { chunk: prefillRows, logitsRows: 1, context });
  const pages = new Map(chosen.map((section) => [layerOf(sections[section]), createSegment(ledger, `probe.kv.${section}`, graph.config, context, kv)]));
  await ledger.settle();
  const sequence = createSequenceBuffers(ledger, context, (layer) => pages.get(layer)!.buffer);
  const recordContext: RecordContext = { graph, choice: { ...choice, few: 0 }, kv: { format: kv }, activations }; // no step of few rows is run
  const make = (mode: Mode, section: number, ops?: PlacedOp[]) =>
    createProgram(device, ledger, kernels, `probe.${mode}`, recordSection(recordContext, opened, weights, section, mode, ops));
  const bytesOf = (section: number, stack: number) => weights.stack(section, stack).reduce((sum, { binding: { size } }) => sum + size, 0);
  const { vocab } = graph.config;
  const samplerFor = createSamplers(device, ledger, kernels, vocab, createSamplerScratch(ledger, vocab, activations.buffers.logits));
  const greedy = await samplerFor({ seed: 0 });
  const [layers, headProgram] = await Promise.all([
    Promise.all(
      chosen.map(async (section) => ({
        section,
        kind: kindOf(layout.sections[section]),
        byteLength: layout.sections[section].byteLength,
        program: await make('decode', section),
      })),
    ),
    make('decode', head),
    greedy.ready(),
  ]);
  greedy.start(sequence);
  return {
    layers,
    context,
    slots,
    head: { program: headProgram, byteLength: bytesOf(table.section, table.stack) },
    prefill: async () => ({ program: await make('prefill', chosen[0], sections[chosen[0]].ops.slice(0, 1)), byteLength: bytesOf(chosen[0], 0) }),
    sampler: greedy.program,
    step(position, rows) {
      writeState(device.queue, activations, sequence, position, rows);
      return { rows, length: position + rows, of: sequence };
    },
  };
}

/** Sections of layers of the kinds there are most of, of each as many as there is room for. */
function chooseLayers({ sections, layout }: OpenedModel): number[] {
  const kinds = new Map<string, number[]>();
  for (const [section, { role }] of sections.entries()) {
    if (role.kind !== 'layer') continue;
    const kind = kindOf(layout.sections[section]);
    kinds.set(kind, [...(kinds.get(kind) ?? []), section]);
  }
  const common = [...kinds.values()].sort((a, b) => b.length - a.length).slice(0, mostKinds);
  return common.flatMap((layers) => layers.slice(0, Math.max(1, Math.min(mostLayers, Math.floor(weightsBytes / layout.sections[layers[0]].byteLength)))));
}

/** The vectors of the last section and as much of the output matrix as there is room for. */
function headSlices(layout: Layout, table: number, head: number): Slice[] {
  const slices = cutSection(layout, table, weightsBytes);
  const vectors = table === head ? slices.filter((slice) => isVectors(layout, slice)) : cutSection(layout, head, weightsBytes);
  return [...vectors, slices.find((slice) => !isVectors(layout, slice))!];
}

/** All pass through as many slots as there is room for. */
function placeSlices(layout: Layout, slices: Slice[]): Slice[] {
  const slots = Math.max(1, Math.floor(weightsBytes / Math.max(...slices.map(({ start, end }) => end - start))));
  return slices.map((slice, i) => (isVectors(layout, slice) ? slice : { ...slice, slot: i % slots }));
}
