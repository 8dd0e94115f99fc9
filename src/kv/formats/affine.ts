// Formats that pages are sealed in: codes of a few bits, each with a scale and a minimum in f16 for some of them together: keys for a channel
// over the 32 slots of a page (KIVI, arXiv 2402.02750) or for a token and 32 channels; values always for a token and 32 channels.
//
// A page: the codes of keys as (word, slot), the pairs of keys as (channel) or (group, slot), codes of values as (slot, word), pairs as (slot, group).
import { type PageFormat, pageSlots } from './format.ts';

export interface AffineFormat extends PageFormat {
  readonly bits: number;
  /** What a scale of keys is of. A page by channel is sealed as a whole, one by token slot by slot. */
  readonly keysBy: 'token' | 'channel';
  /** Files of shaders, in order, of a kernel that seals pages. */
  readonly seal: readonly string[];
}

/** Channels that share a pair. */
export const groupChannels = 32;

/** u32 words of the codes of a head: of whole groups. */
export const codeWords = (bits: number, headDim: number): number => bits * Math.ceil(headDim / groupChannels);

function affine(bits: number, keysBy: AffineFormat['keysBy']): AffineFormat {
  const files = ['kv/affine/page', `kv/affine/codes-${bits}`, `kv/affine/keys-by-${keysBy}`];
  return {
    name: `q${bits}${keysBy[0]}`,
    bits,
    keysBy,
    words(headDim) {
      const groups = Math.ceil(headDim / groupChannels);
      const keyPairs = keysBy === 'channel' ? 4 * Math.ceil(headDim / 4) : groups * pageSlots;
      return 2 * pageSlots * codeWords(bits, headDim) + keyPairs + pageSlots * groups;
    },
    read: [...files, 'kv/affine/read'],
    seal: [...files, 'kv/affine/round', `kv/affine/seal-keys-by-${keysBy}`],
  };
}

/** By name: q4t and q2t by token, q4c, q3c and q2c with keys by channel. */
export const affineFormats: ReadonlyMap<string, AffineFormat> = new Map(
  [affine(4, 'token'), affine(2, 'token'), affine(4, 'channel'), affine(3, 'channel'), affine(2, 'channel')].map((format) => [format.name, format]),
);
