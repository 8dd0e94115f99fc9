// What sets and fresh slots of a plan come to: pages, words of their lists, slots of a ring, queries that are kept.
import { largestThat } from '../bisect.ts';
import { pageSlots } from './formats/format.ts';
import { slotsOfStep } from './segment.ts';
import { type KvPlan, type PolicyModel, type PolicyRoom, type SetPlan } from './policy.ts';

/** Pages of all heads that a set grows by. */
export const pagesOfStep = ({ mostSlots }: SetPlan): number => (mostSlots.length * slotsOfStep) / pageSlots;

export const inPages = (slots: number): number => Math.ceil(slots / pageSlots) * pageSlots;

/** Most positions that are run between two ticks: the tokens of an answer that no tick has seen yet, and behind them a step of the next prompt. */
export const betweenTicks = (chunk: number, interval: number): number => chunk + interval;

/** Slots that the fresh ones of a head go round in, whole pages: those that stay, up to a page more that is not full, and those of before the next tick. */
export function ringSlots({ peak, window, interval, chunk = Infinity }: Omit<KvPlan, 'layers'>, room: Pick<PolicyRoom, 'context' | 'chunk'>): number {
  const most = inPages(room.context);
  return peak === 'prompt' ? most : Math.min(most, inPages(window + pageSlots - 1 + betweenTicks(Math.min(chunk, room.chunk), interval)) + pageSlots);
}

/** Places in the lists of a set: pages that each head may have, whatever others have. */
export const pagesOfSet = ({ mostSlots }: SetPlan): number => mostSlots.reduce((sum, slots) => sum + Math.ceil(slots / pageSlots), 0);

/** Pages that there is room for on the GPU; of each head's the last may have a slot alone. */
export const framesOfSet = (set: SetPlan): number =>
  set.frames ?? Math.min(pagesOfSet(set), set.mostTogether === undefined ? Infinity : Math.ceil(set.mostTogether / pageSlots) + set.mostSlots.length);

/** u32 words that each kv head has before the list of its pages. */
export const headWords = ({ format }: SetPlan, headDim: number): number => format.headWords?.(headDim) ?? 0;

/** u32 words of the lists of a layer. */
export const listWords = (sets: readonly SetPlan[], headDim: number): number =>
  sets.reduce((sum, set) => sum + (2 + headWords(set, headDim)) * set.mostSlots.length + pagesOfSet(set), 0);

/** Bytes of the last queries of a layer. */
export const queryBytes = ({ queries = 0 }: Pick<KvPlan, 'queries'>, queryHeads: number, headDim: number): number =>
  16 * queries * queryHeads * Math.ceil(headDim / 4);

/** Of what is known of how unevenly a query of a head pays: kv-moments.wgsl. */
export const momentBytes = 16;

/** Of each layer without a window one set, of as many slots in every head. */
export const oneSet = ({ heads, windows }: PolicyModel, format: SetPlan['format'], slots: (layer: number) => number): SetPlan[][] =>
  heads.map(({ kvHeads }, layer) => (windows[layer] ? [] : [{ format, mostSlots: new Array<number>(kvHeads).fill(slots(layer)) }]));

/** The most pages, from `least` on, that take no more than a budget; undefined where `least` take more. `bytes` grows with pages. */
export const pagesWithin = (budgetBytes: number, [least, most]: readonly [number, number], bytes: (pages: number) => number): number | undefined =>
  largestThat((pages) => bytes(pages) <= budgetBytes, least, most);
