// Pages of codes of unevenly spread levels, with ranges by channel of keys that positions have not turned, and by slot of values, and of each the numbers that
// are furthest out kept by themselves (KVQuant, arXiv 2401.18079).
import { codeWords } from '../affine.ts';
import { type PageFormat, pageSlots } from '../format.ts';

export interface LevelsFormat extends PageFormat {
  readonly bits: number;
  readonly consts: Readonly<Record<string, number>>;
  readonly turned: true;
  /** Files of shaders of kernels that know the page. */
  readonly page: readonly string[];
}

/** How many numbers of so many are kept by themselves. */
export const outliersOf = (share: number, numbers: number): number => Math.floor(share * numbers + 0.5);

/** Of heads of this size; `outliers`: the share of numbers that are kept by themselves, `sinks`: positions that are kept as they are. */
export function levelsFormat({ bits, outliers, sinks }: { bits: number; outliers: number; sinks: number }, headDim: number): LevelsFormat {
  const channels = 4 * Math.ceil(headDim / 4);
  const [ofKeys, ofValues] = [outliersOf(outliers, pageSlots), outliersOf(outliers, headDim)];
  const page = [`kv/affine/codes-${bits}`, 'kv/levels/page'];
  return {
    name: `q${bits}-levels-${ofKeys}-${ofValues}`,
    bits,
    consts: { KeyOutliers: ofKeys, ValueOutliers: ofValues, Sinks: sinks },
    turned: true,
    words: () => 2 * pageSlots * codeWords(bits, headDim) + (1 + ofKeys) * channels + (1 + ofValues) * pageSlots + 2,
    headWords: () => 2 * 2 ** bits + 2 * sinks * channels,
    page,
    read: [...page, 'kv/levels/turn', 'kv/levels/read'],
  };
}
