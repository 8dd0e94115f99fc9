// What is kept of each step of a stretch of a prompt between two parts of the model, from the header alone: its sections are recorded with
// nothing behind their bindings and cut as a load cuts them, and what both sides of a cut use is counted.
import { type Binding } from '../../../gpu/program.ts';
import { kvFormats } from '../../../kv/formats/catalogue.ts';
import { type ActivationSizes, activationBindings, carriedOf } from '../../../model/activations.ts';
import { type KernelChoice, type Mode, plainChoice, streamedChoice } from '../../../model/choices/kernel-choice.ts';
import { type RecordContext } from '../../../model/operation.ts';
import { opsOf } from '../../../model/operations.ts';
import { adaptersOf, layerOf } from '../../../model/sections.ts';
import { type Layout, type Section as LayoutSection } from '../../../weights/layout.ts';
import { placeWeights } from '../../../weights/stream/resident.ts';
import { type Slice, wholeSection } from '../../../weights/stream/slices.ts';
import { type OpenedModel } from '../opened.ts';
import { recordSection, stagesIn } from '../stages.ts';
import { likeness } from './count-dispatches.ts';
import { type BufferLimits } from './division.ts';

/** Names of the buffers that are kept at the cuts of a layer, cut by cut, by what the layer is and where it is cut; by the layout of a model. */
const known = new WeakMap<Layout, Map<string, string[][]>>();

const zeros = new Proxy({}, { get: () => 0 }) as Record<string, number>;
const nothing: Binding = { buffer: {} as GPUBuffer };

/**
 * What is kept of each step, where slices end before a pool with its items fetched on demand: at every cut the names of buffers of what layers leave
 * each other and, between two slices of one layer, of what is in use there. `slices`: any of which may be streamed.
 */
export function heldAt(opened: OpenedModel, slices: readonly Slice[], limits: BufferLimits, choice: KernelChoice = plainChoice): string[][] {
  const { sections, layout, graph } = opened;
  const own = layout.sections.map((): Slice[] => []);
  for (const slice of slices) if (slice.end > layout.sections[slice.section].vectorBytes) own[slice.section].push(slice);
  const likenesses = sections.map(({ ops }) => ops.map(({ op }) => likeness(op)).join());
  let cuts = known.get(layout);
  if (!cuts) known.set(layout, (cuts = new Map()));
  const found = new Map<string, string[][]>([['', [[...carriedOf(graph)]]]]);
  own.forEach((of, index) => {
    if (of.length < 2 || layerOf(sections[index]) === undefined) return;
    const { pool } = layout.sections[index];
    const isOnDemand = pool !== undefined && of.at(-1)!.end <= pool.offset;
    const key = [likenesses[index], of.map(({ start, end }) => `${start}-${end}`), limits.maxBufferBytes, limits.maxBindingBytes, isOnDemand].join();
    if (!cuts.has(key)) cuts.set(key, (['prefill', 'decode'] as const).flatMap((mode) => recordedCuts(opened, of, index, limits, mode, choice, isOnDemand)));
    found.set(key, cuts.get(key)!);
  });
  return [...found.values()].flat();
}

/** Bytes that are kept of a step of `sizes.chunk` tokens where most are. */
export function heldBytes({ graph }: Pick<OpenedModel, 'graph'>, cuts: readonly string[][], sizes: ActivationSizes): number {
  const bytes = activationBindings(graph, opsOf(graph), sizes);
  return Math.max(...cuts.map((names) => names.reduce((sum, name) => sum + Math.ceil(bytes[name] / 16) * 16, 0))); // as the ledger rounds
}

/** A section in which there is nothing, in place of those that a layer does not read. */
const noSection: LayoutSection = { name: '', vectors: [], vectorBytes: 0, stacks: [], byteLength: 0 };

function recordedCuts(
  opened: OpenedModel, own: readonly Slice[], index: number, { maxBufferBytes = Infinity, maxBindingBytes = Infinity }: BufferLimits,
  mode: Mode, choice: KernelChoice, isOnDemand: boolean,
): string[][] {
  const { graph, sections } = opened;
  const carried = carriedOf(graph);
  const buffers = namedBuffers(opened);
  const adapters = adaptersOf(sections);
  const layout = { ...opened.layout, sections: opened.layout.sections.map((each, i) => (i === index || adapters.includes(i) ? each : noSection)) };
  const { vectorBytes } = layout.sections[index];
  const vectors = own[0].start === 0 ? [] : [{ section: index, start: 0, end: vectorBytes }];
  const placed = [...adapters.map((section) => wholeSection(layout, section)), ...vectors, ...own.map((slice, slot) => ({ ...slice, slot }))];
  const weights = placeWeights(layout, placed, {
    maxBufferBytes, maxBindingBytes, allocate: () => nothing.buffer, queue: { writeBuffer() {} } as unknown as GPUQueue,
    groups: isOnDemand ? [{ sections: [index], slots: 1, slotBytes: layout.sections[index].pool!.itemBytes }] : [],
  });
  const context: RecordContext = {
    graph, choice: streamedChoice(choice), kv: { format: [...kvFormats.values()][0] },
    activations: { buffers, strides: zeros, rows: 0, state: nothing, angles: nothing, firstAngles: [] },
  };
  const stages = stagesIn(recordSection(context, { sections, layout }, weights, index, mode), buffers, isOnDemand ? index : undefined);
  return stages.filter(({ slice }) => slice !== undefined).slice(1).map(({ held }) => [...new Set([...carried, ...held])]);
}

/** A buffer of its own, in which there is nothing, for each name. */
function namedBuffers({ graph }: OpenedModel): Record<string, Binding> {
  const names = Object.keys(activationBindings(graph, opsOf(graph), { chunk: 64, context: 64, logitsRows: 1 }));
  return Object.fromEntries(names.map((name) => [name, { buffer: { label: name } as GPUBuffer }]));
}
