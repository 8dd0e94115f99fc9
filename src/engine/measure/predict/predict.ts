// How fast a model will run as planned: a pure function of what its parts cost on a GPU and what reads of its weights
// cost. Measures nothing.
import { type OnDemandPlan, type Prediction, type StoreCost } from '../../../protocol.ts';
import { nearReads, readBytesFor, readSeconds } from '../../../weights/stream/cost-model.ts';
import { stepsOf } from '../../../model/activations.ts';
import { isVectors, rangesOf, type Slice } from '../../../weights/stream/slices.ts';
import { layerOf, streamable } from '../../../model/sections.ts';
import { type OpenedModel } from '../../load/opened.ts';
import { attended, firstPosition, type GpuCosts } from '../measure-gpu.ts';
import { type Plan } from '../../load/plan/plan.ts';
import { layersAhead, mayRunAhead } from '../../load/plan/running-ahead.ts';
import { kindOf, prefillRows } from '../probe.ts';
import { broughtBytes, sharedBytes } from './prompt-items.ts';
import { sum } from '../../../sum.ts';

export interface Costs {
  gpu: GpuCosts;
  /** Of reading streamed weights that worker memory does not hold. */
  store: StoreCost;
}

export interface PredictOptions {
  position: number;
  /** Worker memory for streamed weights. */
  ramBytes: number;
  /** If experts or neurons are fetched on demand. */
  onDemand?: OnDemandPlan;
}

type Planned = Pick<Plan, 'slices' | 'slots' | 'groups' | 'fetchedBytes' | 'aheadBytes' | 'streamedBytes' | 'chunk' | 'stretch' | 'uploadBytes'>;

/** A slice's share of a token, or of a stretch of a prompt: seconds of compute, and of the transfer that has to come first if it has a slot. */
interface Piece {
  compute: number;
  transfer: number;
  slot?: number;
}

/** The runner reads tokens behind their submits, which hides the wait, if they take less than this. */
const shortToken = 0.05;

const sizeOf = ({ start, end }: Slice) => end - start;

export function predict(opened: OpenedModel, plan: Planned, costs: Costs, { position, ramBytes, onDemand: forecast }: PredictOptions): Prediction {
  const { gpu } = costs;
  const layers = layerSeconds(opened, gpu, position);
  const pieces = inOrderOfUse(opened, plan).map((slice): Piece => ({
    compute: computeSeconds(opened, slice, layers[slice.section], gpu.headPerByte),
    ...(slice.slot === undefined ? { transfer: 0 } : { slot: slice.slot, transfer: transferSeconds(opened, slice, plan, costs, ramBytes) }),
  }));
  const experts = expertSeconds(opened, plan, costs, layers, ramBytes, forecast);
  const compute = sum(pieces.map((piece) => piece.compute)) + experts.compute + gpu.sampler;
  const transfer = sum(pieces.map((piece) => piece.transfer)) + experts.transfer;
  const disturbed = plan.streamedBytes * gpu.perStreamedByte;
  const prompt = gpu.prefillPerByte && promptSeconds(opened, plan, pieces, costs, gpu.prefillPerByte, ramBytes);
  const wait = plan.groups || plan.streamedBytes > 0 || compute > shortToken ? gpu.wait : 0;
  return {
    decodeTokensPerSecond: 1 / (stepSeconds(pieces, gpu.sampler + wait, gpu.wait) + disturbed + experts.compute + experts.wait + experts.transfer),
    prefillTokensPerSecond: prompt && plan.stretch / prompt,
    bound: transfer > compute ? 'transfer' : 'compute',
    computeSeconds: compute, transferSeconds: transfer, position,
  };
}

/**
 * Of a token's experts, where they are fetched on demand: the CPU is told what is chosen of one layer after the other, or of several at once where
 * steps run ahead; then what is missing is waited for, and what ran ahead without it is computed again.
 */
function expertSeconds(
  opened: OpenedModel, plan: Planned, { gpu, store }: Costs, layers: readonly (number | undefined)[], ramBytes: number, forecast?: OnDemandPlan,
) {
  const { groups = [] } = plan;
  if (!forecast) return { compute: 0, wait: 0, transfer: 0 };
  const sections = groups.flatMap((group) => group.sections);
  const compute = sum(sections.map((index) => {
    const { byteLength, vectorBytes, pool } = opened.layout.sections[index];
    return (layers[index] ?? 0) * ((byteLength - pool!.offset) / (byteLength - vectorBytes));
  }));
  const { runs, again } = runsOf(sections.length, forecast.complete, mayRunAhead(opened.sections, plan));
  const perLayer = sum(sections.map((index) => layers[index] ?? 0)) / sections.length;
  return {
    compute: compute + again * perLayer, wait: runs * gpu.wait,
    transfer:
      forecast.fetchedBytes * secondsPerFetchedByte(opened, plan, { gpu, store }, ramBytes, forecast.fetchedBytes) +
      tableBytes(opened, plan) * gpu.perUploadedByte,
  };
}

/** Of the tables that are written for a step: those of neurons, each time as a whole, as other neurons are on. */
const tableBytes = ({ layout }: OpenedModel, { groups = [] }: Planned): number =>
  sum(groups.flatMap(({ sections }) => sections).map((index) => {
    const { columns, items } = layout.sections[index].pool!;
    return columns ? 4 * items.length : 0;
  }));

/** How often a token of so many layers is told what was chosen, each with all of its experts by a chance of `complete`, and the layers that run in vain. */
function runsOf(layers: number, complete: number, isAhead: boolean): { runs: number; again: number } {
  const ahead = isAhead ? layersAhead(complete, layers) : 1;
  const done = sum(Array.from({ length: ahead }, (_, i) => complete ** i)); // a layer counts if those before it in the run had theirs
  return { runs: layers / done, again: (layers / done) * ahead - layers };
}

/**
 * Of items that are brought: their copy to the GPU, and their reads as far as worker memory does not hold them. Of neurons, of which a step brings
 * `stepBytes` in all layers, those that are near are read at once.
 */
function secondsPerFetchedByte(
  { layout, sections }: OpenedModel, { groups = [], fetchedBytes = 0, streamedBytes }: Planned, { gpu, store }: Costs, ramBytes: number, stepBytes: number,
): number {
  if (!groups.length || !stepBytes) return 0;
  const inMemory = Math.min(1, Math.max(0, ramBytes - streamedBytes) / Math.max(1, fetchedBytes));
  const { slotBytes: itemBytes, sections: [first] } = groups[0];
  const pool = layout.sections[first].pool!;
  const layerBytes = stepBytes / sum(groups.map((group) => group.sections.length));
  const items = layerBytes / itemBytes;
  const near = () => nearReads({ items, among: Math.max(items, sections[first].pool!.among ?? pool.items.length), itemBytes, gapBytes: readBytesFor(store) });
  const { reads, bytes } = pool.columns ? near() : { reads: items, bytes: layerBytes };
  return (1 - inMemory) * ((reads * store.secondsPerRead + bytes * store.secondsPerByte) / layerBytes) + gpu.perUploadedByte;
}

/** Layers, then the output matrix. */
function inOrderOfUse({ sections, layout }: OpenedModel, { slices }: Planned): Slice[] {
  const ordered = streamable(sections).flatMap((index) => slices.filter(({ section }) => section === index));
  return ordered.filter((slice) => !isVectors(layout, slice));
}

/**
 * Seconds of a stretch of a prompt: of transfer or of compute, whichever is longer, and of what its steps wait for, layer by layer, where experts
 * are fetched as they are chosen.
 */
function promptSeconds(opened: OpenedModel, plan: Planned, pieces: readonly Piece[], costs: Costs, perByte: number, ramBytes: number): number {
  const { groups = [] } = plan;
  const brought = broughtBytes(opened, plan);
  const fetched = brought * secondsPerFetchedByte(opened, plan, costs, ramBytes, brought);
  const waits = sum(groups.map(({ sections }) => sections.length)) * costs.gpu.wait;
  const tables = tableBytes(opened, plan) * costs.gpu.perUploadedByte;
  const compute = stretchSeconds(opened, plan, pieces, costs.gpu, perByte);
  return Math.max(sum(pieces.map(({ transfer }) => transfer)), compute) + stepsOf(plan) * (fetched + waits + tables);
}

/**
 * Compute of a stretch of a prompt: seconds of the bytes of a layer's section from `start` to `end`. Each row is multiplied with all of its matrices,
 * of a pool, and of the gates of experts, with those that it uses; what any row of a step uses is read once at least.
 */
function createStretchCost(opened: OpenedModel, plan: Planned, headPerByte: number, perByte: number) {
  const perStretch = (plan.stretch / prefillRows) * perByte;
  const shared = opened.layout.sections.map((_, index) => sharedBytes(opened, index, plan.chunk));
  return (index: number, start: number, end: number): number => {
    if (layerOf(opened.sections[index]) === undefined) return 0;
    const within = shared[index].map((of) => ({ ...of, bytes: Math.max(0, Math.min(end, of.end) - Math.max(start, of.start)) }));
    const ofShared = within.map(({ bytes, perRow, perStep }) => bytes * Math.max(perStretch * perRow, stepsOf(plan) * headPerByte * perStep));
    return perStretch * (end - start - sum(within.map(({ bytes }) => bytes))) + sum(ofShared);
  };
}

/**
 * Seconds of a stretch of a prompt, whose steps pass one after the other through a slice and what stays behind it, while the next slice comes. The
 * output matrix takes no time, as one row of many asks for it.
 */
function stretchSeconds(
  opened: OpenedModel, plan: Planned, pieces: readonly Piece[], { headPerByte, wait }: Pick<GpuCosts, 'headPerByte' | 'wait'>, perByte: number,
): number {
  const costOf = createStretchCost(opened, plan, headPerByte, perByte);
  const { sections } = opened.layout;
  const parts: Piece[] = [];
  inOrderOfUse(opened, plan).forEach((slice, i) => {
    const compute = costOf(slice.section, slice.start, slice.end);
    const { slot, transfer } = pieces[i];
    if (slot === undefined && parts.length) parts.at(-1)!.compute += compute;
    else parts.push({ compute, transfer, slot });
  });
  const whole = sum(sections.map(({ byteLength }, index) => costOf(index, 0, byteLength)));
  const { groups = [] } = plan;
  const onDemand = groups.flatMap((group) => group.sections).map((index) => costOf(index, sections[index].pool!.offset, sections[index].byteLength));
  return Math.max(whole, stepSeconds(parts, sum(onDemand), wait, stepsOf(plan)));
}

/** Of each section that is a layer. */
function layerSeconds({ graph, sections, layout }: OpenedModel, { layers, perPosition }: GpuCosts, position: number): (number | undefined)[] {
  return sections.map((each, index) => {
    const layer = layerOf(each);
    if (layer === undefined) return undefined;
    const section = layout.sections[index];
    const like = layers[kindOf(section)] ?? Object.values(layers)[0];
    const further = Math.max(0, attended(graph, layer, position) - attended(graph, layer, firstPosition));
    return like.seconds * (section.byteLength / like.byteLength) + perPosition * further;
  });
}

/** A slice of a layer takes its share of what the layer takes. */
function computeSeconds({ layout }: OpenedModel, slice: Slice, seconds: number | undefined, headPerByte: number): number {
  const { byteLength, vectorBytes } = layout.sections[slice.section];
  const matrixBytes = slice.end - Math.max(slice.start, vectorBytes);
  return seconds === undefined ? matrixBytes * headPerByte : seconds * (matrixBytes / (byteLength - vectorBytes));
}

/** Reads of what worker memory does not hold, and the copy to the GPU in uploads of which two are in flight. */
function transferSeconds({ layout }: OpenedModel, slice: Slice, { streamedBytes, uploadBytes }: Planned, { gpu, store }: Costs, ramBytes: number): number {
  const inMemory = Math.min(1, ramBytes / streamedBytes);
  const reading = sum(rangesOf(layout, slice).map(({ length }) => readSeconds(store, length)));
  return (1 - inMemory) * reading + Math.max(sizeOf(slice) * gpu.perUploadedByte, (Math.ceil(sizeOf(slice) / uploadBytes) * gpu.wait) / 2);
}

/**
 * Seconds from token to token once the window runs, or from stretch to stretch, of so many `steps`: transfers follow each other, each waits until the
 * last use of its slot was submitted; a streamed piece begins a submit, once the CPU knows that the submit before the last one is done; the next
 * token begins when this one is known.
 */
function stepSeconds(pieces: readonly Piece[], rest: number, wait: number, steps = 1): number {
  const submitted: number[] = []; // by slot
  let transferred = 0;
  let done = 0; // of all work so far
  const ends: number[] = [];
  for (let token = 0; token < 3; token++) {
    let start = done;
    let known = done; // when the CPU knows of the submit before the last one
    for (const { compute, transfer, slot } of pieces) {
      if (slot !== undefined) {
        transferred = Math.max(transferred, submitted[slot] ?? 0) + transfer;
        start = Math.max(known, transferred);
        submitted[slot] = start + compute * (1 - 1 / steps);
        known = done + wait;
      }
      done = Math.max(done, start) + compute;
    }
    done += rest;
    ends.push(done);
  }
  return ends[2] - ends[1];
}
