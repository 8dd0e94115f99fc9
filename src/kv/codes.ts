// Codes of keys, by which a token may choose what it reads: into how many parts a head is cut, and what their centroids take. Plain data.
import { type KvFormat } from './formats/format.ts';
import { type PickPlan, type Turn } from './policy.ts';
import { shadowWords } from './shadow.ts';

/** Of each part of a head, so that a code has 4 bits. */
export const centroids = 16;

/** Parts of a head, of as many whole fours of numbers each; `most` of them at most. */
export function partsOf(headDim: number, most: number): number {
  const fours = Math.floor(headDim / 4);
  let parts = Math.max(1, Math.min(most, fours));
  while (fours % parts) parts--;
  return parts;
}

/** u32 words of the codes of a slot. */
export const codeWords = ({ parts = 0 }: Pick<PickPlan, 'parts'>): number => Math.ceil(parts / 8);

/** Words of a kv head of the centroids of keys, and of the metrics by which they are found, or of what keys in low rank are made by. */
export function bookWords(pick: PickPlan, format: KvFormat, headDim: number): number {
  const { parts, lowRank } = pick;
  if (lowRank) return shadowWords(pick, format, headDim, lowRank.slots);
  return parts ? headDim * (centroids + headDim / parts) : 0;
}

/** What kernels of codes are made with: shaders/kv/policies/pick/books.wgsl, turned.wgsl. */
export const codeConsts = ({ parts = 1, first }: PickPlan, headDim: number, turn: Turn): Record<string, number> =>
  ({ ...turn, HeadVec4s: headDim / 4, Parts: parts, Width: headDim / parts, First: first });

export const codeFiles = ['kv/levels/turn', 'kv/pick/turned', 'kv/pick/books'];
