// Pages whose keys have some of a head's channels, the same for all slots of a head, and whose values are whole (ThinK, arXiv 2407.21018). Which channels
// those are a table says before a head's list of pages.
import { type PageFormat, type SealedFormat, pageSlots } from '../format.ts';

export interface NarrowFormat extends SealedFormat {
  /** Of a head's channels, those that keys have. */
  readonly channels: number;
  readonly consts: Readonly<Record<string, number>>;
  /** Files of shaders of a kernel that moves words of slots, and words of a slot. */
  readonly moved: readonly string[];
  slotWords(headDim: number): number;
}

export const isNarrow = (format: PageFormat): format is NarrowFormat => 'channels' in format;

/** Of numbers in 32 bits, or in 16. */
export function narrowKeys(numbers: 'f32' | 'f16', channels: number): NarrowFormat {
  const each = numbers === 'f32' ? 1 : 2;
  const slotWords = (headDim: number) => Math.ceil(channels / each) + (4 * Math.ceil(headDim / 4)) / each;
  const read = [`kv/numbers/${numbers}`, 'kv/numbers/at', 'kv/narrow/read'];
  return {
    name: `${numbers}-of-${channels}`,
    channels,
    consts: { KeyChannels: channels },
    words: (headDim) => pageSlots * slotWords(headDim) + 1,
    headWords: (headDim) => 4 * Math.ceil(headDim / 4),
    slotWords,
    read,
    moved: [...read, 'kv/narrow/words'],
    sealer: 'kv-pack',
    seal: [...read, `kv/numbers/put-${numbers}`, 'kv/narrow/put'],
  };
}
