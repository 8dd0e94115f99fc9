// What a model will take on the GPU and which weights stay there, from its header alone: a pure function, run before
// anything is downloaded. How weights that do not stay get there is weights/stream/stream.ts's business.
import { activationBindings } from '../../../model/activations.ts';
import { mostChosen } from '../../../model/blocks/chosen-rows.ts';
import { opsOf } from '../../../model/operations.ts';
import { type Layout, poolBytes } from '../../../weights/layout.ts';
import { type SlotGroup, divideSlots, groupBytes } from '../../../weights/stream/items/slot-groups.ts';
import { type Slice } from '../../../weights/stream/slices.ts';
import { type BufferLimits, type Division, bytesOf, divisionsOf, wholeSections } from './division.ts';
import { type OpenedModel } from '../opened.ts';
import { type FixedBytes, type FixedSizes, type PlanBytes, fixedBytes, planBytes, totalOf, uploadOf } from './plan-bytes.ts';
import { heldAt, heldBytes } from './held.ts';
import { isOnDemand, mostUsedOf } from './on-demand.ts';
import { refusal, smallestChunk, smallestUpload } from './refusal.ts';
import { statesAheadBytes } from './running-ahead.ts';
import { type Share, mostKept, placeSlices, shareOf } from './shares.ts';
import { sum } from '../../../sum.ts';

export interface Plan {
  verdict: 'fits' | 'streams' | 'refused';
  /** For people, if refused: what does not fit and what would. */
  reason?: string;
  budgetBytes: number;
  /** Most GPU bytes alive at once, by purpose. */
  bytes: PlanBytes;
  totalBytes: number;
  context: number;
  /** Most tokens per step: as asked for, or less if the budget is small. */
  chunk: number;
  /** Tokens of a prompt that pass through streamed weights together, in several steps: as many as `chunk` where no more do. */
  stretch: number;
  /** Bytes kept of each of these steps while the others pass. */
  heldBytes?: number;
  /** Rows of logits kept: as many as were asked for, or 1. */
  logitsRows: number;
  /** What the weights are divided into, in the order of storage. */
  slices: Slice[];
  slots: number;
  /** Where items of pools (experts) are fetched on demand: the slots for them, among the bytes that stay. */
  groups?: SlotGroup[];
  /** Whether the GPU looks up input embeddings, or the CPU reads and uploads the rows of the current tokens. */
  embedding: 'gpu' | 'rows';
  /** Bytes of one upload, at most; two may be in flight. */
  uploadBytes: number;
  /** Bytes of weights that stay on the GPU, and those that go there for every token. */
  keptBytes: number;
  streamedBytes: number;
  /** Of items that have no slot when all slots are taken, which are fetched when they are chosen. */
  fetchedBytes?: number;
  /** Of states of a sequence that are kept while a step runs ahead of its experts; none where it may not, or there is no room for them. */
  aheadBytes?: number;
}

export interface PlanOptions extends FixedSizes, BufferLimits {
  budgetBytes: number;
  /** For measurements: all experts pass through slots for every token, as other weights do. */
  experiment?: { allExperts?: boolean; sliceBytes?: number };
}

/** Steps of more tokens are for where all weights stay all the same, or where what they take more is this share of the budget at most. */
const longChunk = 128;
const longShare = 1 / 16;

/** What a stretch keeps between parts of the model is this share of the budget at most, and it has so many steps at most. */
const stretchShare = 1 / 32;
const mostSteps = 16;
/** For so many tokens it may take what steps are not longer for. */
const usualStretch = 2048;

/**
 * Fewer rows of logits than were asked for where only so all weights stay, or the model runs at all: then sequences take turns. Not where bytes
 * are taken for what guesses, whose guesses are checked in those rows.
 */
export function plan(opened: OpenedModel, { stretch: given, ...options }: PlanOptions): Plan {
  const { logitsRows, draft, speculation } = options;
  const mayBeOne = logitsRows > 1 && logitsRows <= mostChosen && !draft && !speculation?.shortContext;
  const each = [options, ...(mayBeOne ? [{ ...options, logitsRows: 1 }] : [])];
  const uploads = uploadSizes(opened.layout, options.budgetBytes);
  const whole = wholeSections(opened, options);
  const fitting = firstOf(each, (given) => fit(opened, given, whole, uploads));
  if (fitting) return fitting;
  if (options.shape?.isAhead) return refuseAhead(opened, each[each.length - 1], whole, uploads);
  const onDemand = isOnDemand(opened, options);
  const divisions = divisionsOf(opened, options, onDemand);
  const stretches: StretchesIn = given === undefined ? usualStretches(opened) : () => [given];
  const streamed = (each: PlanOptions) =>
    (onDemand ? streamOnDemand : streamInSteps)(opened, each, divisions, uploads, stretches);
  return firstOf(each, streamed) ?? refuse(opened, each[each.length - 1], whole, divisions, uploads);
}

/**
 * The plan in which items of pools are fetched on demand, and other weights stay as far as they can: a byte of them is used for every
 * token, one of an item now and then. As many slots as a token uses items of a layer are worth more, or at least one.
 */
function streamOnDemand(
  opened: OpenedModel, options: PlanOptions, divisions: readonly Division[], uploads: readonly number[], stretchesIn: StretchesIn,
): Plan | undefined {
  const { layout } = opened;
  const { budgetBytes, maxBufferBytes = Infinity, maxBindingBytes = Infinity } = options;
  const slotsIn = (room: number, least: number) => divideSlots(layout, room, least, Math.min(maxBufferBytes, maxBindingBytes));
  const whole = wholeSections(opened, options, true);
  return firstOf([mostUsedOf(opened), 1], (least) => {
    const leastBytes = groupBytes(slotsIn(0, least));
    const rest = { ...options, budgetBytes: budgetBytes - leastBytes };
    const others = fitInSteps(opened, rest, whole, uploads) ?? streamInSteps(opened, rest, divisions, uploads, stretchesIn);
    if (!others) return undefined;
    const room = leastBytes + rest.budgetBytes - others.totalBytes;
    const states = statesAheadBytes(opened.sections);
    const each = others.slots || states > room / 2 ? [0] : [states, 0]; // with few slots some expert is missing anyway, and no step runs ahead
    return firstOf(each, (aheadBytes) => {
      const plan = withSlots(layout, others, budgetBytes, slotsIn(room - aheadBytes, least), aheadBytes);
      return plan.totalBytes <= budgetBytes ? plan : undefined; // several buffers for a size have a least each
    });
  });
}

function withSlots({ sections }: Layout, others: Plan, budgetBytes: number, groups: SlotGroup[], aheadBytes: number): Plan {
  const slotBytes = groupBytes(groups);
  const allBytes = sum(sections.map(({ pool }) => (pool ? poolBytes(pool) : 0)));
  const bytes = { ...others.bytes, weights: others.bytes.weights + slotBytes, staging: others.bytes.staging + aheadBytes };
  return {
    ...others, verdict: 'streams', budgetBytes, bytes, totalBytes: totalOf(bytes), groups, ...(aheadBytes && { aheadBytes }),
    keptBytes: others.keptBytes + slotBytes, fetchedBytes: Math.max(0, allBytes - slotBytes),
  };
}

/** The plan with all of a division on the GPU, in the longest steps that are worth their room, or undefined. */
function fitInSteps(opened: OpenedModel, options: PlanOptions, whole: Division, uploads: readonly number[]): Plan | undefined {
  const all = everything(whole);
  return firstOf(worthySteps(opened, options), (each) =>
    firstOf(uploads, (uploadBytes) => {
      const fitting = describe(opened, each, whole, all, uploadBytes);
      return fitting.totalBytes <= options.budgetBytes ? fitting : undefined;
    }),
  );
}

const inSteps = (options: PlanOptions, chunk: number): PlanOptions => ({ ...options, chunk, logitsRows: Math.min(options.logitsRows, chunk) });

/** The longest steps that the device allows buffers for. */
const possibleSteps = (opened: OpenedModel, options: PlanOptions): PlanOptions[] =>
  chunkSizes(options.chunk).map((chunk) => inSteps(options, chunk)).filter((each) => each.chunk <= longChunk || isPossible(opened, each));

const everything = (whole: Division): Share => shareOf(whole, whole.order.length);

/** The plan with all weights on the GPU, or undefined. */
function fit(opened: OpenedModel, options: PlanOptions, whole: Division, uploads: readonly number[]): Plan | undefined {
  const all = everything(whole);
  for (const each of possibleSteps(opened, options).filter(({ chunk }) => chunk >= Math.min(longChunk, options.chunk))) {
    for (const uploadBytes of uploads) {
      const fitting = describe(opened, each, whole, all, uploadBytes);
      if (fitting.totalBytes <= options.budgetBytes) return fitting;
    }
  }
  return undefined;
}

/**
 * The plan with some weights on the GPU, in the longest steps that are worth their room, or undefined. Where a prompt may pass in stretches, in the
 * steps of which the longest stretch can be.
 */
function streamInSteps(
  opened: OpenedModel, options: PlanOptions, divisions: readonly Division[], uploads: readonly number[], stretchesIn?: StretchesIn,
): Plan | undefined {
  const sizes = worthySteps(opened, options);
  const found = firstOf(sizes, (each) => stream(opened, each, divisions, uploads));
  if (!found?.streamedBytes || !stretchesIn) return found;
  const heldIn = ({ slices }: Plan, each: PlanOptions) => heldBytes(opened, heldAt(opened, slices, options), each);
  /** With so many bytes kept of a step, or where the slices that follow from that need more, with so many. */
  const together = (each: PlanOptions, held: number): Plan | undefined => firstOf(stretchesIn(each, held), (stretch) => {
    const plan = stretch > each.chunk ? stream(opened, { ...each, stretch, heldBytes: held }, divisions, uploads) : undefined;
    if (!plan || !isAsCoarse(plan, found)) return undefined;
    const needed = heldIn(plan, each);
    return needed > held ? together(each, needed) : plan;
  });
  const shorter = sizes.filter(({ chunk }) => chunk <= found.chunk && chunk >= Math.min(longChunk, found.chunk));
  const others = shorter.flatMap((each) => together(each, heldIn(found, each)) ?? []);
  return [found, ...others].reduce((best, plan) => (plan.stretch > best.stretch ? plan : best));
}

/** Tokens of the stretches that there may be, of steps of each of which so many bytes are kept, the best first. */
type StretchesIn = (options: PlanOptions, held: number) => number[];

/** As many steps as take little of the budget, or fewer. None where there is no room for two, and where a policy has its say after each step. */
const usualStretches = (opened: OpenedModel): StretchesIn => (options, held) => {
  const { chunk, context, budgetBytes, maxBufferBytes = Infinity, shape } = options;
  if (shape) return [];
  const longer = chunk > longChunk ? rowBytes(opened, options) - rowBytes(opened, inSteps(options, longChunk)) : 0;
  const inPlace = Math.min(longShare * budgetBytes - longer, (usualStretch / chunk) * held);
  const mostBytes = Math.min(Math.max(stretchShare * budgetBytes, inPlace), maxBufferBytes);
  const stretches: number[] = [];
  let steps = Math.min(mostSteps, Math.ceil(context / chunk), Math.floor(mostBytes / held));
  for (; steps > 1; steps = Math.floor(steps / 2)) stretches.push(Math.min(steps * chunk, context));
  return stretches;
};

/** Whether a token brings its weights no less well than with the other plan: through as many slots, in the same slices. */
const isAsCoarse = (plan: Plan, other: Plan): boolean => plan.slots >= other.slots && plan.slices.length <= other.slices.length;

/** The longest steps that take little of the budget. */
function worthySteps(opened: OpenedModel, options: PlanOptions): PlanOptions[] {
  const mostBytes = rowBytes(opened, inSteps(options, longChunk)) + longShare * options.budgetBytes;
  return possibleSteps(opened, options).filter((size) => size.chunk <= longChunk || rowBytes(opened, size) <= mostBytes);
}

/** Of the buffers between operations. */
const rowBytes = ({ graph }: OpenedModel, options: PlanOptions): number => sum(Object.values(activationBindings(graph, opsOf(graph), options)));

function refuse(opened: OpenedModel, options: PlanOptions, whole: Division, divisions: readonly Division[], uploads: readonly number[]): Plan {
  const refused = describe(opened, inSteps(options, Math.min(longChunk, options.chunk)), whole, everything(whole), uploads[0]);
  return { ...refused, verdict: 'refused', reason: refusal(opened, options, refused, divisions) };
}

/** The query of the next layer is made in each: where weights came and went, those of two layers would for every one. */
function refuseAhead(opened: OpenedModel, options: PlanOptions, whole: Division, uploads: readonly number[]): Plan {
  const refused = describe(opened, inSteps(options, Math.min(longChunk, options.chunk)), whole, everything(whole), uploads[0]);
  const [needed, budget] = [refused.totalBytes, options.budgetBytes].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`);
  const reason = `With kvOptions.ahead all weights have to stay on the GPU: that takes ${needed}, and the budget is ${budget}. Leave it out, or raise that.`;
  return { ...refused, verdict: 'refused', reason };
}

/** Whether the device allows buffers for so many rows. */
function isPossible({ graph }: OpenedModel, options: PlanOptions): boolean {
  const { maxBufferBytes = Infinity, maxBindingBytes = Infinity } = options;
  return Math.max(...Object.values(activationBindings(graph, opsOf(graph), options))) <= Math.min(maxBufferBytes, maxBindingBytes);
}

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

/** The plan in steps of `options.chunk` tokens: of the largest slices that leave room, or undefined if none do. */
function stream(opened: OpenedModel, options: PlanOptions, divisions: readonly Division[], uploads: readonly number[]): Plan | undefined {
  const fixed = fixedBytes(opened.graph, options);
  const roomBytes = options.budgetBytes - fixed.kv - fixed.activations - fixed.passing - fixed.draft;
  if (roomBytes < 0) return undefined;
  for (const [i, division] of divisions.entries()) {
    for (const uploadBytes of uploads) {
      const fitsIn = (each: Division) => (share: Share) =>
        totalOf(planBytes(fixed, each, share, uploadOf(each, share, uploadBytes), options)) <= options.budgetBytes;
      const planWith = (each: Division, share = mostKept(each, roomBytes, fitsIn(each))) => share && describe(opened, options, each, share, uploadBytes, fixed);
      const found = planWith(division);
      if (found) return found;
      // With one slot each upload waits for the work on the slice before: only where smaller slices leave no room for two either.
      const oneSlot = shareOf(division, 0, 1);
      if (fitsIn(division)(oneSlot)) return firstOf(divisions.slice(i + 1), planWith) ?? planWith(division, oneSlot);
    }
  }
  return undefined;
}

/** What `find` gives for the first of `values` for which it gives anything. */
function firstOf<T, R>(values: readonly T[], find: (value: T) => R | undefined): R | undefined {
  for (const value of values) {
    const found = find(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function describe(
  { graph }: OpenedModel, options: PlanOptions, division: Division, share: Share, mostUpload: number, fixed: FixedBytes = fixedBytes(graph, options),
): Plan {
  const uploadBytes = uploadOf(division, share, mostUpload);
  const bytes = planBytes(fixed, division, share, uploadBytes, options);
  const slices = placeSlices(division, share);
  const streamedBytes = sum(slices.filter(({ slot }) => slot !== undefined).map(bytesOf));
  return {
    verdict: share.embedding === 'gpu' && !streamedBytes ? 'fits' : 'streams',
    budgetBytes: options.budgetBytes, bytes, totalBytes: totalOf(bytes), context: options.context, chunk: options.chunk,
    stretch: options.stretch ?? options.chunk, heldBytes: options.heldBytes, logitsRows: options.logitsRows,
    slices, slots: share.slots, embedding: share.embedding, uploadBytes,
    keptBytes: sum(slices.map(bytesOf)) - streamedBytes, streamedBytes,
  };
}
