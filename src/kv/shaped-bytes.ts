// Bytes of keys and values as a plan has them: what a budget is held against, here and by policies that fit themselves into one.
import { paramsStride } from '../gpu/program.ts';
import { bookWords } from './codes.ts';
import { type KvFormat, pageSlots } from './formats/format.ts';
import { chooses, costliestSizes, pagesKnown, pickedSet, pickedWords, summaryWords } from './pick.ts';
import { planeBytes } from './plane-bytes.ts';
import { type KvPlan, type PolicyModel, type PolicyRoom, type SetPlan } from './policy.ts';
import { restoredBytes } from './latents/restored.ts';
import { inSteps, segmentBytes, slotsOfStep } from './segment.ts';
import { begunBytes, isRemade } from './shadow.ts';
import { framesOfSet, listWords, pagesOfSet, pagesOfStep, queryBytes, ringSlots } from './set-bytes.ts';
import { awayBytes } from './tiers/away-bytes.ts';
import { sum } from '../sum.ts';

type Heads = Pick<PolicyModel, 'heads' | 'queryHeads'>;

/** Of what a model has once, however many sequences there are: its ticks take turns with what they hand on to each other. */
export const sharedBytes = ({ sharedBytes = 0, scratchBytes = 0 }: Pick<KvPlan, 'sharedBytes' | 'scratchBytes'>): number => sharedBytes + scratchBytes;

/**
 * What a policy holds against `PolicyRoom.budgetBytes`: what a sequence takes at most, and its part of what all share, and of what is there twice while it
 * grows, which is one buffer at a time.
 */
export function bytesOfOne(plan: KvPlan, model: Heads, room: PolicyRoom): number {
  const { full, growing } = shapedBytes(plan, model, room);
  return full + (sharedBytes(plan) + growing) / (room.sequences ?? 1);
}

/** What a refusal advises where `bytesOfOne` is so many at least. */
export const raiseWords = (least: number, { sequences = 1 }: PolicyRoom): string =>
  `Raise kvBudgetBytes to ${sequences === 1 ? 'that' : `${sequences * least}, of ${sequences} conversations together`}, or choose a shorter context.`;

export interface ShapedBytes {
  /** Of a sequence at most, without what all share. */
  full: number;
  /** Of what is replaced by something larger, at most, while both are there. */
  growing: number;
  /** Of its largest buffer. */
  largest: number;
}

export function shapedBytes(plan: KvPlan, { heads, queryHeads }: Heads, room: Omit<PolicyRoom, 'budgetBytes'>): ShapedBytes {
  const { format, context } = room;
  const slots = ringSlots(plan, room);
  const sizes = costliestSizes(plan.layers, heads);
  const layers = heads.map((own, layer) => {
    const sets = plan.layers[layer];
    const freshOf = (many: number, planes: number) => segmentBytes(own, many, format) + planeBytes(plan, planes);
    const before = inSteps(sets.length ? slots : context) - slotsOfStep;
    if (!sets.length) return { full: freshOf(context, 0), largest: freshOf(context, 0), growing: freshOf(before, 0) };
    const fresh = freshOf(slots, (slots / pageSlots) * own.kvHeads);
    const known = (set: SetPlan) => (set.pick ? pagesKnown(set, pagesOfSet(set)) * summaryWords(set.pick, format, own.headDim, sizes[layer]) : 0);
    const each = sets.map((set) =>
      4 * (framesOfSet(set) * set.format.words(own.headDim) + known(set)) + (set.bare ? 0 : planeBytes(plan, framesOfSet(set))));
    const picks = pickBytes(sets, layer, own.headDim, queryHeads[layer], format);
    const others = 4 * listWords(sets, own.headDim) + queryBytes(plan, queryHeads[layer], own.headDim) + picks;
    // A ring of fewer slots than the context is there from the beginning.
    const freshBefore = slots < context ? 0 : freshOf(before, (before / pageSlots) * own.kvHeads);
    const setsBefore = sets.map((set) => beforeGrowth(plan, set, { headDim: own.headDim, format, size: sizes[layer] }));
    const full = sum([fresh, ...each, others, tickBytes(plan, sets, own.kvHeads)]);
    return { full, largest: Math.max(fresh, ...each), growing: Math.max(freshBefore, ...setsBefore) };
  });
  const away = awayBytes(plan, { heads, queryHeads }, room);
  const restored = restoredBytes(plan, heads, format);
  return {
    full: sum(layers.map(({ full }) => full)) + restored + away.gpu,
    growing: Math.max(0, ...layers.map(({ growing }) => growing)),
    largest: Math.max(restored, ...layers.map(({ largest }) => largest)),
  };
}

/** Of a set, most that is replaced at once: all that it has for its pages as they become more, where they do; what is known of them, where its size changes. */
function beforeGrowth(plan: KvPlan, set: SetPlan, { headDim, format, size }: { headDim: number; format: KvFormat; size?: number }): number {
  const known = (pages: number) => (set.pick ? 4 * pagesKnown(set, pages) * summaryWords(set.pick, format, headDim, size) : 0);
  const most = framesOfSet(set);
  const each = pagesOfStep(set);
  const before = set.frames || most <= 1 ? 0 : Math.max(1, each * Math.floor((most - 1) / each));
  const paged = 4 * before * set.format.words(headDim) + known(before) + (set.bare ? 0 : planeBytes(plan, before));
  const restored = set.latent ? 4 * before * format.words(headDim) : 0;
  return Math.max(before && paged, restored, set.pick?.sizes ? known(pagesOfSet(set)) : 0);
}

/** Of what tokens choose, and of centroids to choose by. */
function pickBytes(sets: readonly SetPlan[], layer: number, headDim: number, queryHeads: number, format: KvFormat): number {
  const set = pickedSet(sets);
  const books = set ? 4 * set.mostSlots.length * bookWords(set.pick, format, headDim) : 0;
  const keyless = set && isRemade(set) ? 4 * set.frames! + begunBytes(set, format, headDim) : 0;
  return books + keyless + (set && chooses(set, layer) ? (set.frames && !set.answered ? 2 : 1) * 4 * pickedWords(set, queryHeads, headDim) : 0);
}

/** Kernels that a tick has for a layer at most, where a plan does not say. */
const usualKernels = 8;

/** Of the parameters of a tick, and of what it writes of counts. */
const tickBytes = ({ kernels = usualKernels }: KvPlan, sets: readonly SetPlan[], kvHeads: number): number =>
  kernels * paramsStride + sets.length * 24 * kvHeads;
