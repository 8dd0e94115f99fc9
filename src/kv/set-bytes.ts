// What sets of a plan come to: pages, words of their lists, queries that are kept.
import { pageSlots } from './formats/format.ts';
import { type SetPlan } from './policy.ts';
import { type Shape } from './shape.ts';

/** Pages of all heads that a set has at most. */
export const pagesOfSet = ({ mostSlots }: SetPlan): number => mostSlots.reduce((sum, slots) => sum + Math.ceil(slots / pageSlots), 0);

/** u32 words of the lists of a layer. */
export const listWords = (sets: readonly SetPlan[]): number => sets.reduce((sum, set) => sum + 2 * set.mostSlots.length + pagesOfSet(set), 0);

/** Bytes of the last queries of a layer. */
export const queryBytes = ({ plan: { queries = 0 }, attended }: Pick<Shape, 'plan' | 'attended'>, layer: number, headDim: number): number =>
  16 * queries * attended[layer].queryHeads * Math.ceil(headDim / 4);
