// Keys in low rank (ShadowKV, arXiv 2410.21465): how much is known of them, and where it lies (shaders/kv/policies/shadow/known.wgsl). Plain data.
import { type CacheHeads } from '../model/graph.ts';
import { type KvFormat, pageSlots } from './formats/format.ts';
import { type PickPlan, type SetPlan, type Turn } from './policy.ts';

/** Of keys that are kept in low rank. */
export interface LowRank {
  /** Latents of a slot of all heads together. */
  rank: number;
  /** Runs that stay as they were, as a share. */
  outliers: number;
  /** Most slots of a head. */
  slots: number;
  kvHeads: number;
}

const vec4sOf = (headDim: number): number => Math.ceil(headDim / 4);

/** Units of 4 numbers of a slot's latents. */
const rankVec4s = ({ rank }: LowRank): number => Math.ceil(rank / 4);

/** Runs behind the first slots, and how many of so many are outliers. */
export const runsBehind = ({ first, each }: Pick<PickPlan, 'first' | 'each'>, slots: number): number => Math.ceil(Math.max(0, slots - first) / each);
export const outliersOf = (lowRank: Pick<LowRank, 'outliers'>, runs: number): number => Math.ceil(lowRank.outliers * runs);

/** Units of what is known of a page of a head: landmarks, and its part of the latents of 32 slots. */
export const knownUnits = ({ each, lowRank }: PickPlan, headDim: number): number =>
  (pageSlots / each) * vec4sOf(headDim) + Math.ceil((pageSlots * rankVec4s(lowRank!)) / lowRank!.kvHeads);

/** Units of each kv head of the basis; and of which run is which outlier, and of the keys of those. */
const basisUnits = ({ lowRank }: PickPlan, headDim: number): number => 4 * rankVec4s(lowRank!) * vec4sOf(headDim);

function outlierUnits(pick: PickPlan, headDim: number, slots: number): number {
  const runs = runsBehind(pick, slots);
  return runs + outliersOf(pick.lowRank!, runs) * pick.each * vec4sOf(headDim);
}

/** u32 words of a kv head of that, for so many slots. */
export const shadowWords = (pick: PickPlan, { unitWords }: KvFormat, headDim: number, slots: number): number =>
  (basisUnits(pick, headDim) + outlierUnits(pick, headDim, slots)) * unitWords;

/** The same for a slot more, but for the basis, which grows with no text. */
export const markWords = ({ each, lowRank }: PickPlan, { unitWords }: KvFormat, headDim: number): number =>
  unitWords * (1 / each + lowRank!.outliers * vec4sOf(headDim));

/** Whether pages of a set come to the GPU without their keys. */
export const isRemade = ({ pick, frames }: Pick<SetPlan, 'pick' | 'frames'>): boolean => pick?.lowRank !== undefined && frames !== undefined;

/** Bytes of the keys, as they were, of the row of pages that is not full. */
export const begunBytes = ({ mostSlots: { length: kvHeads } }: Pick<SetPlan, 'mostSlots'>, format: KvFormat, headDim: number): number =>
  (kvHeads * 4 * format.words(headDim)) / 2;

/** Bytes of the marks, of each kv head, that tell which runs are outliers. */
export function markRanges(pick: PickPlan, { unitWords }: KvFormat, { kvHeads, headDim }: CacheHeads): { offset: number; byteLength: number }[] {
  const { slots } = pick.lowRank!;
  const at = (head: number) => kvHeads * basisUnits(pick, headDim) + head * outlierUnits(pick, headDim, slots);
  return Array.from({ length: kvHeads }, (_, head) => ({ offset: 4 * unitWords * at(head), byteLength: 4 * unitWords * runsBehind(pick, slots) }));
}

/** What shadow/known.wgsl is made with. */
export function shadowConsts(pick: PickPlan, { kvHeads, headDim }: CacheHeads, turn?: Turn): Record<string, number> {
  const { first, each, lowRank } = pick;
  const runs = runsBehind(pick, lowRank!.slots);
  const vec4s = vec4sOf(headDim);
  return {
    ...turn, HeadVec4s: vec4s, RowVec4s: kvHeads * vec4s, RankVec4s: rankVec4s(lowRank!), First: first, Each: each, Known: knownUnits(pick, headDim),
    Runs: runs, Outliers: outliersOf(lowRank!, runs),
  };
}
