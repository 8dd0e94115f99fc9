// How the weights of a model are divided for the GPU: into slices, and with these into dispatches, for each cut of a matrix
// is one more. Which slices stay there is shares.ts's business.
import { type ActivationSizes } from '../../../model/activations.ts';
import { mostChosen } from '../../../model/blocks/chosen-rows.ts';
import { type Mode } from '../../../model/choices/kernel-choice.ts';
import { samplerPrograms } from '../../../model/sampling/sampler.ts';
import { type Role, adaptersOf, layerOf, streamable, tablesOf } from '../../../model/sections.ts';
import { type Layout, cuttableOf, gridsIn, itemsAsPanels, itemsTogether, withoutPools } from '../../../weights/layout.ts';
import { type Slice, type Span, countRuns, cutSection, isVectors, spansOf, wholeSection } from '../../../weights/stream/slices.ts';
import { type CutsOf, type DispatchCount, createDispatchCount } from './count-dispatches.ts';
import { tableBytes } from '../../../weights/stream/resident.ts';
import { type OpenedModel } from '../opened.ts';

/** Limits of the device, in bytes. Default: none. */
export interface BufferLimits {
  maxBufferBytes?: number;
  maxBindingBytes?: number;
}

/** `sliceBytes`: slices are no larger, to measure what that is worth. */
interface DivisionLimits extends BufferLimits {
  experiment?: { sliceBytes?: number };
}

export interface Division {
  /** The slices that may be streamed, in the order of use. */
  order: Slice[];
  /** At index n, the bytes of n of them: of the smallest, and of the largest. */
  leastBytes: number[];
  mostBytes: number[];
  /** Which of `order` are of tables that rows are looked up in; undefined where a table is in none, so that its rows are always read by the CPU. */
  tables?: number[];
  /** The vectors of sections that were cut, and adapters, which stay. */
  vectors: Slice[];
  vectorBytes: number;
  /** Of the grids of weight types, which stay too. */
  gridBytes: number;
  /** Of the tables of its pools. */
  tableBytes: number;
  /** Where pools are in no slice, as their items are fetched on demand: bytes of the largest item, or of those that have to be there at once. */
  itemBytes?: number;
  /** Dispatches of the look-up of input embeddings, of the layers, and of the output matrix: for one row, and for every row of a step. */
  dispatches: { embed: number; layers: number; lastRow: number; allRows: number };
}

/**
 * A streamed slice is a whole layer, or part of one that is larger than this: or than a matrix of the layer, if that is a little larger. For of a prompt's
 * tokens most is kept where a gated product is cut (docs/decisions/streaming.md).
 */
const largestSlice = 64 * 2 ** 20;
const littleLarger = 1.25;

/** What of the layout is divided into slices. */
const dividedOf = ({ layout }: OpenedModel, onDemand: boolean): Layout => (onDemand ? withoutPools(layout) : layout);

/** Every section as one slice, as weights lie that all stay; `onDemand`: but for pools. */
export const wholeSections = (opened: OpenedModel, limits: BufferLimits, onDemand = false): Division => {
  const layout = dividedOf(opened, onDemand);
  return divisionInto(opened, layout.sections.map((_, section) => wholeSection(layout, section)), [], limits, onDemand);
};

/** The divisions for streaming, into whole layers and into ever smaller parts of them. Input embeddings that are nothing else are in none. */
export function divisionsOf(opened: OpenedModel, limits: DivisionLimits, onDemand = false): Division[] {
  const layout = dividedOf(opened, onDemand);
  const used = streamable(opened.sections);
  const adapters = adaptersOf(opened.sections);
  return sliceSizes(opened, layout, limits.experiment?.sliceBytes).map((sliceBytes) => {
    const slices = used.flatMap((section) => cutSection(layout, section, sliceBytes));
    const stay = [...slices.filter((slice) => isVectors(layout, slice)), ...adapters.map((section) => wholeSection(layout, section))];
    return divisionInto(opened, slices.filter((slice) => !isVectors(layout, slice)), stay, limits, onDemand);
  });
}

function divisionInto(opened: OpenedModel, order: Slice[], vectors: Slice[], limits: BufferLimits, onDemand: boolean): Division {
  const sizes = order.map(bytesOf).sort((a, b) => a - b);
  const spans = spansOfSections(opened, [...vectors, ...order], limits);
  const cutsOf: CutsOf = (section, what) =>
    onDemand && what.offset === opened.layout.sections[section].pool?.offset ? 1 : countRuns(what, spans[section], limits.maxBindingBytes ?? Infinity);
  return {
    order, vectors,
    tables: tablesIn(opened, order),
    itemBytes: onDemand ? Math.max(...opened.layout.sections.map(({ pool }) => (pool ? itemsTogether(pool) * pool.itemBytes : 0))) : undefined,
    leastBytes: runningSums(sizes),
    mostBytes: runningSums(sizes.reverse()),
    vectorBytes: vectors.reduce((sum, slice) => sum + bytesOf(slice), 0),
    gridBytes: gridsIn(opened.layout).reduce((sum, { words }) => sum + words.byteLength, 0),
    tableBytes: bytesOfTables(opened, cutsOf),
    dispatches: countDispatches(opened, cutsOf),
  };
}

function tablesIn({ sections }: OpenedModel, order: readonly Slice[]): number[] | undefined {
  const tables = tablesOf(sections);
  const found = order.flatMap(({ section }, i) => (tables.includes(section) ? [i] : []));
  return tables.every((table) => found.some((i) => order[i].section === table)) ? found : undefined;
}

function runningSums(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return sums;
}

export const bytesOf = ({ start, end }: Slice): number => end - start;

function sliceSizes(opened: OpenedModel, { sections }: Layout, most = largestSlice): number[] {
  const layers = sections.filter((_, index) => layerOf(opened.sections[index]) !== undefined);
  const matrices = layers.flatMap(({ stacks }) => stacks.flat().map(({ panels: { panels, panelBytes } }) => panels * panelBytes));
  const whole = Math.max(most, ...matrices.filter((bytes) => bytes <= littleLarger * most));
  const layer = Math.min(whole, Math.max(...layers.map((s) => s.byteLength)));
  const panel = Math.max(...streamable(opened.sections).flatMap((index) => cuttableOf(sections[index]).map((m) => m.panels.panelBytes)));
  return [...new Set([1, 2, 4, 8].map((parts) => Math.max(panel, Math.ceil(layer / parts))))];
}

/** By the layout of a model: counts are the same for each of its plans. */
const counters = new WeakMap<Layout, DispatchCount>();

/** Where buffers begin and end of each section. */
function spansOfSections({ layout }: OpenedModel, slices: readonly Slice[], { maxBufferBytes = Infinity }: BufferLimits): Span[][] {
  const spans = layout.sections.map((): Span[] => []);
  for (const slice of slices) spans[slice.section].push(...spansOf(layout.sections[slice.section], slice, maxBufferBytes));
  return spans;
}

/** Of the tables that say which slot an item of a pool has: one for each binding that a pool is cut into. */
function bytesOfTables({ layout }: OpenedModel, cutsOf: CutsOf): number {
  return layout.sections.reduce((sum, { pool }, section) => sum + (pool ? cutsOf(section, itemsAsPanels(pool)) * tableBytes(pool) : 0), 0);
}

function countDispatches({ graph, sections, layout }: OpenedModel, cutsOf: CutsOf): Division['dispatches'] {
  const count = counters.get(layout) ?? createDispatchCount({ graph, layout });
  counters.set(layout, count);
  const dispatches = (kind: Role['kind'], mode: Mode): number =>
    sections.filter(({ role }) => role.kind === kind).flatMap(({ ops }) => ops).reduce((sum, op) => sum + count(op, cutsOf, mode), 0);
  return {
    embed: dispatches('embedding', 'decode') + dispatches('embedding', 'prefill'),
    layers: dispatches('layer', 'decode') + dispatches('layer', 'prefill'),
    lastRow: dispatches('head', 'decode'),
    allRows: dispatches('head', 'prefill'),
  };
}

/** Dispatches of all programs together. */
export function allDispatches({ dispatches }: Division, embedding: 'gpu' | 'rows', { logitsRows }: Pick<ActivationSizes, 'logitsRows'>): number {
  const { embed, layers, lastRow, allRows } = dispatches;
  const chosen = logitsRows > 1 ? 1 + allRows : 0; // which begins with the kernel that gathers them
  return samplerPrograms + (embedding === 'gpu' ? embed : 0) + layers + lastRow + chosen + (logitsRows > mostChosen ? allRows : 0);
}
